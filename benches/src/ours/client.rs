use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use futures_util::{FutureExt as _, StreamExt as _};
use ipc_core::client::{Client, ServiceClient};
use ipc_core::transport::kafka::KafkaConfig;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::app::{Note, echo, keyed, notes, slow};
use crate::load::{Call, Load, Recorder, Sample, Schedule, closed, open};
use crate::worker::Subject;

/// How long a call may take before it counts as not answered.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call stays open that nobody answers.
const HELD: Duration = Duration::from_secs(600);
/// Calls that may be open at once.
const MAX_PENDING: usize = 200_000;
/// Calls that are held before the producer is given a moment.
const BATCH: usize = 200;

/// Callers of one service, in one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClientPlan {
    pub(crate) bootstrap: String,
    pub(crate) service: String,
    /// How many instances of the client there are, each with a reply partition
    /// of its own.
    pub(crate) callers: usize,
    /// How long a call may take before it counts as not answered.
    pub(crate) timeout: Duration,
    /// A request topic that nobody reads, to hold calls open.
    pub(crate) nobody: Option<String>,
}

pub(crate) struct OurClient {
    runtime: Runtime,
    clients: Vec<Client>,
    /// One for each client.
    services: Arc<[ServiceClient]>,
    timeout: Duration,
    nobody: Option<String>,
    held: JoinSet<()>,
}

impl ClientPlan {
    /// One caller.
    pub(crate) fn new(bootstrap: &str, service: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            service: service.to_owned(),
            callers: 1,
            timeout: TIMEOUT,
            nobody: None,
        }
    }
}

/// What the callers of a service call themselves.
pub(crate) fn fleet(service: &str) -> String {
    format!("{service}-callers")
}

impl OurClient {
    pub(crate) fn start(plan: ClientPlan) -> Result<Self> {
        let runtime = Runtime::new()?;
        let fleet = fleet(&plan.service);
        let partitions = i32::try_from(plan.callers)?;
        let mut clients = Vec::new();
        for _ in 0..plan.callers {
            let client = Client::builder(&fleet)
                .create_topics(partitions)
                .max_pending(MAX_PENDING);
            let config = KafkaConfig::new(&plan.bootstrap);
            clients.push(runtime.block_on(client.connect_kafka(config))?);
        }
        let services = clients.iter().map(|client| client.service(&plan.service));
        let mut client = Self {
            runtime,
            services: services.collect(),
            clients,
            timeout: plan.timeout,
            nobody: plan.nobody,
            held: JoinSet::new(),
        };
        let first = client.load(&Load::echo(plan.callers, Duration::ZERO))?;
        ensure!(first.failed == 0, "the first call was not answered");
        Ok(client)
    }

    /// Makes calls of one kind, by their place in the row.
    fn caller(&self, call: Call) -> impl Fn(usize) -> Calling + Clone + Send + use<> {
        let (services, timeout) = (Arc::clone(&self.services), self.timeout);
        let note = Arc::new(match call {
            Call::SlowKey => Note::with_work(Duration::from_millis(100)),
            Call::SlowEndpoint => Note::with_work(Duration::from_secs(5)),
            _ => Note::new(),
        });
        move |nth| Calling {
            service: services[nth % services.len()].clone(),
            call,
            nth,
            note: Arc::clone(&note),
            timeout,
        }
    }

    /// Leaves calls open that nobody answers.
    async fn hold(&mut self, calls: usize) -> Result<Sample> {
        let Some(nobody) = &self.nobody else {
            bail!("this client knows no service that does not answer");
        };
        let client = &self.clients[0];
        let service = client.service(nobody);
        let recorder = Recorder::new();
        let enough = client.pending() + calls;
        for nth in 0..calls {
            let call = service.call(echo::request(Note::new())).timeout(HELD);
            // it ends with this process
            self.held.spawn(call.into_future().map(drop));
            if nth % BATCH == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        while client.pending() < enough {
            tokio::task::yield_now().await;
        }
        Ok(recorder.sample())
    }
}

/// A call about to be made.
struct Calling {
    service: ServiceClient,
    call: Call,
    nth: usize,
    note: Arc<Note>,
    timeout: Duration,
}

impl Calling {
    async fn make(self) -> Result<()> {
        let (service, within) = (&self.service, self.timeout);
        let note = || Note::clone(&self.note);
        let reply = match self.call {
            Call::Echo => service.call(echo::request(note())).timeout(within).await?,
            Call::Keyed { keys } => {
                // key 0 is the slow one's
                let request = keyed::request(1 + self.nth % keys, note());
                service.call(request).timeout(within).await?
            }
            Call::SlowKey => {
                let request = keyed::request(0, note());
                service.call(request).timeout(within).await?
            }
            Call::SlowEndpoint => {
                let request = slow::request(note());
                service.call(request).timeout(2 * within).await?
            }
            Call::Stream { records } => return self.read(records).await,
        };
        ensure!(reply == *self.note, "another body");
        Ok(())
    }

    async fn read(&self, records: u32) -> Result<()> {
        let mut stream = self.service.stream(notes::request(records)).await?;
        let mut read = 0;
        while let Some(note) = stream.next().await {
            note?;
            read += 1;
        }
        ensure!(read == records, "the stream had {read} records");
        Ok(())
    }
}

impl Subject for OurClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match *load {
            Load::Closed {
                call,
                in_flight,
                span,
            } => {
                let caller = self.caller(call);
                let make = move |nth| caller(nth).make();
                self.runtime.block_on(closed(in_flight, span, make))
            }
            Load::Open {
                call,
                per_second,
                span,
            } => {
                let caller = self.caller(call);
                let schedule = Schedule::new(per_second, span);
                let make = |nth| caller(nth).make();
                self.runtime.block_on(open(schedule, call.keys(), make))
            }
            Load::Hold { calls } => {
                let handle = self.runtime.handle().clone();
                handle.block_on(self.hold(calls))
            }
            Load::Reload { .. } | Load::Consume { .. } => bail!("a client cannot do that"),
        }
    }

    fn stop(self: Box<Self>) {
        for client in &self.clients {
            self.runtime.block_on(client.close());
        }
    }
}
