//! The thread of one transactional producer.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::producer::{Ended, Transactional, Verdict};
use crate::transport::kafka::config::KafkaConfig;
use crate::transport::kafka::hooks::Hooks;
use crate::transport::kafka::lent::{Lent, Membership};
use crate::transport::{Places, Transaction, TransportError};

/// How long a look at what is committed may take.
const RESOLVE: Duration = Duration::from_secs(5);
/// A call that takes longer than all its bounds together hangs: librdkafka does not
/// keep those of `send_offsets_to_transaction` while the coordinator is away.
const WATCHDOG: Duration = Duration::from_secs(25);

/// What a producer is made of, again and again.
#[derive(Clone)]
pub(super) struct Maker {
    pub(super) config: KafkaConfig,
    pub(super) hooks: Hooks,
    pub(super) id: String,
    /// The consumer in whose name offsets are committed.
    pub(super) of: Arc<Lent>,
}

/// A producer on a thread of its own. Dropped, the thread ends after the call it is
/// in, and its producer with it.
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Attempt(Arc<Transaction>, oneshot::Sender<Ended>),
    Resolve(Arc<Transaction>, oneshot::Sender<Resolved>),
}

/// What is found out about a transaction whose end nobody was told.
pub(super) enum Resolved {
    Committed,
    /// Nothing of it is visible, nor will be.
    Aborted,
    /// Its partitions are somebody else's to look after.
    Fenced,
    Unknown(String),
}

/// Why there is no producer.
pub(super) enum NotMade {
    Misconfigured(TransportError),
    NotBegun(KafkaError),
    Hangs,
}

impl Worker {
    /// Starts a thread and waits until its producer can be used.
    pub(super) async fn start(maker: &Maker, within: Duration) -> Result<Self, NotMade> {
        let (jobs, inbox) = mpsc::channel();
        let (made, is_made) = oneshot::channel();
        let Maker {
            config,
            hooks,
            id,
            of,
        } = maker.clone();
        let spawned = thread::Builder::new()
            .name("ipc-kafka-tx".to_owned())
            .spawn(move || {
                let producer = match Transactional::new(&config, hooks, &id, within) {
                    Ok(producer) => producer,
                    Err(error) => {
                        // Nobody waiting any more needs no reason.
                        let _ = made.send(Err(error));
                        return;
                    }
                };
                if made.send(Ok(())).is_ok() {
                    run(&producer, &inbox, &of);
                }
            });
        if let Err(error) = spawned {
            let message = format!("no thread for a transactional producer: {error}");
            return Err(NotMade::Misconfigured(TransportError::other(message)));
        }
        match timeout(within + WATCHDOG, is_made).await {
            Ok(Ok(made)) => made.map(|()| Self { jobs }),
            Ok(Err(_)) | Err(_) => Err(NotMade::Hangs),
        }
    }

    pub(super) async fn attempt(&self, transaction: &Arc<Transaction>) -> Ended {
        let transaction = Arc::clone(transaction);
        let ended = self.ask(|tell| Job::Attempt(transaction, tell)).await;
        ended.unwrap_or_else(|| Ended {
            verdict: Verdict::Unknown(hangs(), Places::default()),
            sound: false,
        })
    }

    /// Whether `transaction`, of an older producer that this one has shut out, is
    /// committed.
    pub(super) async fn resolve(&self, transaction: &Arc<Transaction>) -> Resolved {
        let transaction = Arc::clone(transaction);
        let resolved = self.ask(|tell| Job::Resolve(transaction, tell)).await;
        resolved.unwrap_or_else(|| Resolved::Unknown(hangs()))
    }

    /// `None` where the thread does not answer in time.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (tell, told) = oneshot::channel();
        self.jobs.send(job(tell)).ok()?;
        timeout(WATCHDOG, told).await.ok()?.ok()
    }
}

fn hangs() -> String {
    format!("the producer has not come back within {WATCHDOG:?}: is the coordinator away?")
}

fn run(producer: &Transactional, inbox: &mpsc::Receiver<Job>, of: &Lent) {
    for job in inbox {
        // Whoever has given up waiting has another producer by now.
        match job {
            Job::Attempt(transaction, tell) => drop(tell.send(producer.attempt(&transaction, of))),
            Job::Resolve(transaction, tell) => drop(tell.send(resolve(&transaction, of))),
        }
    }
}

/// Offsets are committed with the records or not at all, and while the partitions are
/// ours nobody else commits any: they tell.
fn resolve(transaction: &Transaction, of: &Lent) -> Resolved {
    let committed = of.has_committed(&transaction.offsets, RESOLVE);
    match of.membership(&transaction.offsets) {
        Membership::Fenced => return Resolved::Fenced,
        Membership::Moving => {
            return Resolved::Unknown("the consumer is joining its group".to_owned());
        }
        Membership::Member(_) => {}
    }
    match committed {
        Ok(true) => Resolved::Committed,
        Ok(false) => Resolved::Aborted,
        Err(error) => Resolved::Unknown(error.to_string()),
    }
}

impl NotMade {
    /// Whether another attempt may end otherwise.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Hangs | Self::NotBegun(_))
    }

    /// In the words of a start that fails.
    pub(super) fn told(self, id: &str, within: Duration) -> TransportError {
        use RDKafkaErrorCode as Code;
        let error = match self {
            Self::Misconfigured(error) => return error,
            Self::Hangs => return TransportError::unreachable(no_coordinator(id, within)),
            Self::NotBegun(error) => error,
        };
        match error.rdkafka_error_code() {
            Some(Code::TransactionalIdAuthorizationFailed) => {
                TransportError::configuration(format!(
                    "transactions under the id {id} are not allowed: allow Describe and Write on \
                     this transactional id, or on the prefix that ends at its last dot"
                ))
            }
            Some(Code::UnsupportedFeature | Code::UnsupportedVersion) => {
                TransportError::configuration(format!(
                    "no transactions under the id {id}, the brokers have none ({error}): use \
                     Kafka 2.5 or newer, or leave exactly_once out"
                ))
            }
            Some(Code::InvalidTransactionTimeout) => TransportError::configuration(format!(
                "no transactions under the id {id}: transaction.timeout.ms is longer than the \
                 brokers' transaction.max.timeout.ms, set it to less"
            )),
            _ => TransportError::unreachable(format!("{} ({error})", no_coordinator(id, within))),
        }
    }
}

fn no_coordinator(id: &str, within: Duration) -> String {
    format!(
        "no transaction coordinator answered for the id {id} within {within:?}: are there fewer \
         brokers than transaction.state.log.replication.factor?"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_does_not_come_back_is_given_up_and_nothing_known_of_what_it_did() {
        let (jobs, hanging) = mpsc::channel();
        let worker = Worker { jobs };
        let transaction = Arc::new(Transaction::default());
        let ended = worker.attempt(&transaction).await;
        assert!(matches!(ended.verdict, Verdict::Unknown(..)));
        assert!(!ended.sound, "it gets no other job");
        let resolved = worker.resolve(&transaction).await;
        assert!(matches!(resolved, Resolved::Unknown(_)));
        assert_eq!(hanging.try_iter().count(), 2);
    }
}
