//! A service that does what it is told, and callers without end.

use std::time::Duration;

use anyhow::Result;
use harness::within;
use ipc_core::{
    client::{Client, ServiceClient},
    extract::{Offset, Partition},
    prelude::*,
    testing::model::{End, Kind, Operation, What},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::Chronicle;

/// From one operation of a caller to its next, where that does not take longer.
const PACE: Duration = Duration::from_millis(40);
/// How long a caller waits for a reply.
const REPLY: Duration = Duration::from_secs(5);
/// How long it waits for the log to take a one-way.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(15);
/// What a busy machine may add before an end counts as late.
const BUSY: Duration = Duration::from_secs(5);

/// One instance, as its handlers know it.
#[derive(Clone)]
pub(super) struct Handlers {
    pub(super) instance: u32,
    pub(super) chronicle: Chronicle,
}

impl Handlers {
    fn work(&self, work: u32, from: &Partition, offset: Offset) {
        let instance = self.instance;
        self.chronicle.note(What::Effect {
            instance,
            work,
            partition: from.0.partition,
            offset: offset.0,
        });
        self.chronicle.note(What::Returned { instance, work });
    }
}

/// A call, whose reply names its work.
#[endpoint(POST "/calls/{key}/{work}", key = key)]
async fn ask(
    State(handlers): State<Handlers>,
    Path((_key, work)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
) -> Json<u32> {
    handlers.work(work, &from, offset);
    Json(work)
}

/// A one-way.
#[endpoint(POST "/notes/{key}/{work}", one_way, key = key)]
async fn tell(
    State(handlers): State<Handlers>,
    Path((_key, work)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
) {
    handlers.work(work, &from, offset);
}

pub(super) fn app(handlers: Handlers) -> Result<App> {
    let app = App::new().endpoints(endpoints![ask, tell])?;
    Ok(app.with_state(handlers))
}

/// Callers with a key each, which call and send in turn until they are told to stop.
pub(super) struct Load {
    stop: watch::Sender<bool>,
    callers: JoinSet<()>,
}

impl Load {
    pub(super) const CALLERS: u32 = 16;

    pub(super) fn start(service: &str, client: &Client, chronicle: &Chronicle) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut callers = JoinSet::new();
        for key in 0..Self::CALLERS {
            let caller = Caller {
                key,
                service: client.service(service),
                chronicle: chronicle.clone(),
            };
            callers.spawn(caller.run(stopped.clone()));
        }
        Self { stop, callers }
    }

    /// Has every caller end what it has begun.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.stop.send_replace(true);
        while let Some(ended) = within("the last end", self.callers.join_next()).await? {
            ended?;
        }
        Ok(())
    }
}

struct Caller {
    key: u32,
    service: ServiceClient,
    chronicle: Chronicle,
}

impl Caller {
    async fn run(self, stopped: watch::Receiver<bool>) {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for kind in [Kind::Call, Kind::OneWay].into_iter().cycle() {
            pace.tick().await;
            if *stopped.borrow() {
                return;
            }
            let timeout = match kind {
                Kind::Call => REPLY,
                Kind::OneWay => ACKNOWLEDGEMENT,
            };
            let (number, operation) = self.chronicle.invoke(|work| Operation {
                kind,
                key: self.key,
                work,
                keyed: false,
                timeout: timeout + BUSY,
            });
            let end = self.perform(&operation, timeout).await;
            self.chronicle.note(What::Ended {
                operation: number,
                end,
            });
        }
    }

    async fn perform(&self, operation: &Operation, timeout: Duration) -> End {
        let (key, work) = (operation.key, operation.work);
        match operation.kind {
            Kind::Call => {
                let call = self.service.call(ask::request(key, work));
                End::of(call.timeout(timeout).await, |work| work)
            }
            Kind::OneWay => {
                let send = self.service.send(tell::request(key, work));
                match send.timeout(timeout).await {
                    Ok(_) => End::Acknowledged,
                    Err(error) => End::failed(&error),
                }
            }
        }
    }
}
