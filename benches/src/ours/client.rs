use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::client::{Client, ServiceClient};
use ipc_core::transport::kafka::KafkaConfig;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::app::{Note, echo};
use crate::load::{Load, Sample, closed};
use crate::worker::Subject;

/// Callers of one service, in one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClientPlan {
    pub(crate) bootstrap: String,
    pub(crate) service: String,
    /// How many instances of the client there are, each with a reply partition
    /// of its own.
    pub(crate) callers: usize,
}

pub(crate) struct OurClient {
    runtime: Runtime,
    clients: Vec<Client>,
    /// One for each client.
    services: Arc<[ServiceClient]>,
}

impl OurClient {
    pub(crate) fn start(plan: ClientPlan) -> Result<Self> {
        let runtime = Runtime::new()?;
        let fleet = format!("{}-callers", plan.service);
        let partitions = i32::try_from(plan.callers)?;
        let mut clients = Vec::new();
        for _ in 0..plan.callers {
            let client = Client::builder(&fleet).create_topics(partitions);
            let config = KafkaConfig::new(&plan.bootstrap);
            clients.push(runtime.block_on(client.connect_kafka(config))?);
        }
        let services = clients.iter().map(|client| client.service(&plan.service));
        let mut client = Self {
            runtime,
            services: services.collect(),
            clients,
        };
        client.closed(plan.callers, Duration::ZERO)?;
        Ok(client)
    }

    fn closed(&mut self, in_flight: usize, span: Duration) -> Result<Sample> {
        let services = Arc::clone(&self.services);
        let note = Arc::new(Note::new());
        let call = move |caller: usize| {
            let note = Arc::clone(&note);
            let request = echo::request(Note::clone(&note));
            let call = services[caller % services.len()].call(request);
            async move {
                ensure!(call.await? == *note, "another body");
                Ok(())
            }
        };
        self.runtime.block_on(closed(in_flight, span, call))
    }
}

impl Subject for OurClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match *load {
            Load::Closed { in_flight, span } => self.closed(in_flight, span),
        }
    }

    fn stop(self: Box<Self>) {
        for client in &self.clients {
            self.runtime.block_on(client.close());
        }
    }
}
