use anyhow::Result;
use ipc_core::service::Service;
use ipc_core::transport::kafka::KafkaConfig;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::app::app;
use crate::worker::Subject;

/// An instance of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServicePlan {
    pub(crate) bootstrap: String,
    pub(crate) name: String,
    /// Of its request topic.
    pub(crate) partitions: i32,
    /// Endpoints that nobody calls, beside those that are called.
    pub(crate) more_endpoints: usize,
}

pub(crate) struct OurService {
    runtime: Runtime,
    service: Service,
}

impl OurService {
    pub(crate) fn start(plan: ServicePlan) -> Result<Self> {
        let runtime = Runtime::new()?;
        let service = runtime.block_on(
            Service::builder(plan.name)
                .kafka(KafkaConfig::new(plan.bootstrap))
                .create_topics(plan.partitions)
                .serve(app(plan.more_endpoints)?)
                .start(),
        )?;
        // ready is who answers, as a deployment waits for it
        runtime.block_on(service.assigned());
        Ok(Self { runtime, service })
    }
}

impl Subject for OurService {
    fn stop(self: Box<Self>) {
        self.runtime.block_on(self.service.stop());
    }
}
