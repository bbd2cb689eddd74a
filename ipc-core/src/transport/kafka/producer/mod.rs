//! Sending: at once while there is little to send, in batches while there is much.
//!
//! No fixed `linger.ms` is right for both, and librdkafka cannot change it, so a
//! transport has a producer for each [`Level`](load::Level) and [`Load`](load::Load)
//! says which one suits. The direct one is made with the transport, the others when
//! they are first asked for. What must keep its order moves between them as a
//! [`Unit`](unit::Unit).

mod client;
mod desk;
mod failure;
mod load;
mod unit;
mod units;

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

pub(super) use client::{Producer, owned};
pub(super) use failure::of_the_record;

use super::config::{Batching, KafkaConfig};
use super::hooks::Hooks;
use super::kept::Kept;
use crate::transport::{Ack, Outgoing, TransportError};
use desk::{Desk, Held, Pending};
use load::Level;
use units::{Admission, UnitId};

/// Between two attempts to reach a broker with a new producer.
const AGAIN: Duration = Duration::from_secs(1);

/// Librdkafka looks every 500 ms for a broker that gives it a producer id, sends
/// nothing until it has one, and does not tell. Two looks are enough where the
/// cluster is well; otherwise the first records wait for the id.
const PRODUCER_ID: Duration = Duration::from_secs(1);

/// How long one producer is flushed before the next one has its turn: what moves
/// between them may wait for either.
const FLUSH: Duration = Duration::from_millis(20);

/// The producers of one transport.
pub(super) struct Producers {
    desk: Arc<Desk>,
    direct: Arc<Kept<Producer>>,
    batching: [OnceLock<Arc<Kept<Producer>>>; Level::BATCHING],
    is_adaptive: bool,
    /// Makes the batching ones.
    #[expect(dead_code, reason = "its task ends when it is dropped")]
    growth: JoinSet<()>,
}

impl Producers {
    /// Makes the direct one.
    ///
    /// # Errors
    ///
    /// When librdkafka refuses the configuration.
    pub(super) async fn start(
        config: &KafkaConfig,
        hooks: &Hooks,
    ) -> Result<Arc<Self>, TransportError> {
        let desk = Arc::new(Desk::new(config.queue_limit()));
        let maker = Maker {
            config: config.clone(),
            hooks: hooks.clone(),
            desk: Arc::clone(&desk),
        };
        let direct = maker.make(Level::DIRECT).await?;
        let is_adaptive = config.effective_batching() == Batching::Adaptive;
        let producers = Arc::new_cyclic(|producers: &Weak<Self>| {
            let mut growth = JoinSet::new();
            if is_adaptive {
                growth.spawn(grow(producers.clone(), maker));
            }
            Self {
                desk,
                direct,
                batching: Default::default(),
                is_adaptive,
                growth,
            }
        });
        producers.desk.bind(Arc::downgrade(&producers));
        Ok(producers)
    }

    /// The one that is always there.
    pub(super) fn direct(&self) -> &Arc<Kept<Producer>> {
        &self.direct
    }

    pub(super) fn send(&self, record: &Outgoing, ack: Ack) {
        let unsettled = match self.desk.enter() {
            Ok(unsettled) => unsettled,
            Err(error) => return ack.settle(Err(error)),
        };
        if !self.is_adaptive {
            return self.direct.send(record, Pending { ack, unit: None });
        }
        let wanted = self.desk.load.note(unsettled);
        let Some(unit) = self.desk.units.of(record) else {
            return self.at(wanted).send(record, Pending { ack, unit: None });
        };
        let hold = |ack| Held {
            record: record.clone(),
            ack,
        };
        if let Admission::Pass(level, ack) = self.desk.units.admit(unit, wanted, ack, hold) {
            let unit = Some(unit);
            self.at(level).send(record, Pending { ack, unit });
        }
        self.desk.look();
    }

    /// Passes on what `unit` holds.
    fn release(&self, unit: UnitId) {
        while let Some((level, held)) = self.desk.units.take(unit) {
            let producer = self.at(level);
            for Held { record, ack } in held {
                let unit = Some(unit);
                producer.send(&record, Pending { ack, unit });
            }
        }
    }

    /// The producer of a level; records go to no level that has none.
    fn at(&self, level: Level) -> &Producer {
        let index = level.batching_index();
        let batching = index.and_then(|index| self.batching[index].get());
        batching.unwrap_or(&self.direct)
    }

    /// Waits, off the runtime, until every record is settled.
    pub(super) async fn flush(self: Arc<Self>, within: Duration) -> Result<(), TransportError> {
        let flushed = spawn_blocking(move || self.flush_blocking(within)).await;
        match flushed {
            Ok(0) => Ok(()),
            Ok(unsettled) => Err(TransportError::unreachable(format!(
                "{unsettled} records are not acknowledged after {within:?}: is the broker away?"
            ))),
            Err(_) => Err(TransportError::other(
                "flushing the producer was interrupted",
            )),
        }
    }

    /// How many records are unsettled in the end.
    fn flush_blocking(&self, within: Duration) -> usize {
        let until = Instant::now() + within;
        loop {
            let batching = self.batching.iter().filter_map(OnceLock::get);
            for producer in batching.chain([&self.direct]) {
                let left = until.saturating_duration_since(Instant::now());
                producer.flush(left.min(FLUSH));
            }
            self.desk.look();
            let unsettled = self.desk.unsettled();
            if unsettled == 0 || Instant::now() >= until {
                return unsettled;
            }
            // What is in nobody's hands is on its way from one to the next.
            std::thread::yield_now();
        }
    }
}

/// Makes each batching producer when the load first asks for it.
async fn grow(producers: Weak<Producers>, maker: Maker) {
    for (index, level) in Level::batching().enumerate() {
        maker.desk.load.asks_for(level).await;
        let made = match maker.make(level).await {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(target: "ipc::kafka", %error, "no producer that batches: records go out one by one");
                return;
            }
        };
        while !warm(Arc::clone(&made), maker.config.startup_bound()).await {
            sleep(AGAIN).await;
        }
        sleep(PRODUCER_ID).await;
        let Some(producers) = producers.upgrade() else {
            return;
        };
        producers.batching[index].get_or_init(|| made);
        maker.desk.load.ready(level);
    }
}

/// Connects and learns the cluster's topics, so that its first records need not wait
/// for that. False when no broker answers.
async fn warm(producer: Arc<Kept<Producer>>, within: Duration) -> bool {
    let asked = spawn_blocking(move || producer.client().fetch_metadata(None, within).is_ok());
    asked.await.unwrap_or(false)
}

struct Maker {
    config: KafkaConfig,
    hooks: Hooks,
    desk: Arc<Desk>,
}

impl Maker {
    async fn make(&self, level: Level) -> Result<Arc<Kept<Producer>>, TransportError> {
        let (config, hooks) = (self.config.clone(), self.hooks.clone());
        let desk = Arc::clone(&self.desk);
        let make = move || Producer::new(&config, hooks, desk, level);
        Ok(Arc::new(Kept::make(make).await?))
    }
}
