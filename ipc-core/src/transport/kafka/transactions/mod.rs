//! Transactions: output records and a group's offsets, committed at once.
//!
//! Every call of librdkafka's transactional producer blocks, so it has a thread of its
//! own. After an error that leaves anything open the producer is given up for a new
//! one of the same id, which shuts the old one out and settles what that left open;
//! then the group's offsets tell what became of it.

mod producer;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::sleep;

use self::producer::Verdict;
use self::worker::{Maker, Resolved, Worker};
use super::config::{KafkaConfig, Role};
use super::hooks::Hooks;
use super::lent::Lent;
use crate::transport::{Places, Transaction, TransactionError, Transactions, TransportError};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a new producer may take at first to shut its predecessor out: the coordinator
/// settles what that left open, and after a restart has to load what it knows before.
const BEGIN: Duration = Duration::from_secs(15);
/// How long it may take after several that did not.
const BEGIN_AT_MOST: Duration = Duration::from_secs(60);

/// Commits transactions in the name of one consumer.
pub(super) struct Transactor {
    maker: Maker,
    /// Used by one commit at a time. `None` after one that left its producer unsound.
    worker: Mutex<Option<Worker>>,
}

impl Transactor {
    pub(super) async fn start(
        config: KafkaConfig,
        hooks: Hooks,
        of: Arc<Lent>,
        id: &str,
    ) -> Result<Self, TransportError> {
        // Otherwise the group would tell of offsets while a transaction may still take
        // them back.
        let client = config.client(Role::Group);
        if client.get("isolation.level") != Some("read_committed") {
            return Err(TransportError::configuration(
                "exactly_once needs isolation.level = read_committed for the consumer: leave \
                 the property out",
            ));
        }
        let within = config.startup_bound().max(BEGIN);
        of.use_transactions();
        let maker = Maker {
            config,
            hooks,
            id: id.to_owned(),
            of,
        };
        let worker = Worker::start(&maker, within).await;
        let worker = worker.map_err(|error| error.told(id, within))?;
        Ok(Self {
            maker,
            worker: Mutex::new(Some(worker)),
        })
    }

    /// A producer that has shut its predecessor out, however long that takes.
    async fn rebuilt(&self) -> Worker {
        let mut within = BEGIN;
        loop {
            match Worker::start(&self.maker, within).await {
                Ok(worker) => return worker,
                Err(error) => {
                    let passing = error.is_passing();
                    let error = error.told(&self.maker.id, within);
                    tracing::warn!(target: "ipc::kafka", %error, passing, "transactions wait");
                    within = within.saturating_mul(2).min(BEGIN_AT_MOST);
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

#[async_trait]
impl Transactions for Transactor {
    async fn commit(&self, transaction: Arc<Transaction>) -> Result<Places, TransactionError> {
        // Whoever drops the future wants no other attempt begun, nor offsets sent.
        let _void = transaction.void.clone().drop_guard();
        let mut slot = self.worker.lock().await;
        // Of an attempt that may have ended well: where its records lie, if it has.
        let mut unknown = None;
        loop {
            let worker = match slot.take() {
                Some(worker) => worker,
                None => self.rebuilt().await,
            };
            if let Some(places) = unknown.take() {
                match worker.resolve(&transaction).await {
                    Resolved::Committed => {
                        *slot = Some(worker);
                        return Ok(places);
                    }
                    Resolved::Aborted => {}
                    Resolved::Fenced => {
                        *slot = Some(worker);
                        return Err(TransactionError::Fenced);
                    }
                    Resolved::Unknown(why) => {
                        tracing::debug!(target: "ipc::kafka", why, "no offsets to tell by");
                        *slot = Some(worker);
                        unknown = Some(places);
                        sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            let ended = worker.attempt(&transaction).await;
            if ended.sound {
                *slot = Some(worker);
            }
            match ended.verdict {
                Verdict::Committed(places) => return Ok(places),
                Verdict::Fenced => return Err(TransactionError::Fenced),
                Verdict::Refused(record, error) => {
                    return Err(TransactionError::Refused { record, error });
                }
                Verdict::Aborted(why) => {
                    tracing::debug!(target: "ipc::kafka", why, "transaction aborted");
                }
                Verdict::Unknown(why, places) => {
                    tracing::warn!(target: "ipc::kafka", why, "a transaction's end is unknown; looking for it");
                    unknown = Some(places);
                }
            }
            if transaction.void.is_cancelled() && unknown.is_none() {
                return Err(TransactionError::Fenced);
            }
            sleep(PAUSE).await;
        }
    }
}
