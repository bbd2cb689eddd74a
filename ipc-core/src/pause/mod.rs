//! Pausing a service, or some of its endpoints, and seeing who obeys.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use ipc_core::envelope::pause::PauseScope;
//! use ipc_core::pause::Pauses;
//! use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let kafka = KafkaTransport::connect(KafkaConfig::from_env()?).await?;
//! let pauses = Pauses::open(Arc::new(kafka), "orders").await?;
//! let change = pauses.pause(&[PauseScope::Service], "the warehouse is moving").await?;
//! for instance in change.obeyed(Duration::from_secs(10)).await {
//!     println!("{} {}", instance.name, instance.obeys);
//! }
//! # Ok(()) }
//! ```
//!
//! What is paused stands in `<service>.pauses`, a compacted topic of one partition,
//! until somebody resumes it. Every instance reads all of it before it handles its
//! first record, follows it from then on, and says in its presence how far it obeys.

mod change;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::envelope::UnixMillis;
use crate::envelope::pause::{PauseRecord, PauseScope};
use crate::transport::{Outgoing, Reader, Start, TopicPartition, Transport, TransportError};

pub use change::{Change, Instance};

/// What is paused of one service.
#[derive(Clone)]
pub struct Pauses {
    transport: Arc<dyn Transport>,
    control: TopicPartition,
    place: TopicPartition,
}

/// Something that is paused.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Paused {
    /// What.
    pub scope: PauseScope,
    /// Why; empty where nobody said.
    pub reason: String,
    /// Since when, where the log tells.
    pub since: Option<UnixMillis>,
}

impl Pauses {
    /// Those of `service`.
    ///
    /// # Errors
    ///
    /// When there is no such service, or one that cannot be paused, or no broker
    /// answers.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn open(
        transport: Arc<dyn Transport>,
        service: &str,
    ) -> Result<Self, TransportError> {
        let names = transport.topic_names();
        let (control, pauses) = (names.control(service), names.pauses(service));
        let asked = [Arc::clone(&control), Arc::clone(&pauses)];
        let found = transport.topics(&asked).await?;
        let missing = |topic: &Arc<str>| !found.iter().flatten().any(|it| it.name == *topic);
        if missing(&control) {
            return Err(TransportError::missing_topic(format!(
                "there is no service {service}: topic {control} does not exist; check the name \
                 and the topic prefix"
            )));
        }
        if missing(&pauses) {
            return Err(TransportError::missing_topic(format!(
                "service {service} cannot be paused: topic {pauses} does not exist; its next \
                 start makes it, or says how it is made"
            )));
        }
        let place = |topic| TopicPartition {
            topic,
            partition: 0,
        };
        Ok(Self {
            transport,
            control: place(control),
            place: place(pauses),
        })
    }

    /// Everything that is paused now, the whole service first.
    ///
    /// # Errors
    ///
    /// When the topic cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn paused(&self) -> Result<Vec<Paused>, TransportError> {
        let from = self.place.clone();
        let mut reader = Reader::open(&*self.transport, from, Start::Beginning).await?;
        let mut paused = BTreeMap::new();
        while let Some(received) = reader.next().await? {
            let Some(record) = PauseRecord::parse(&received.envelope) else {
                continue;
            };
            let scope = record.scope.clone();
            match record.reason {
                None => paused.remove(&scope),
                Some(reason) => paused.insert(
                    scope,
                    Paused {
                        scope: record.scope,
                        reason,
                        since: received.origin.timestamp.millis(),
                    },
                ),
            };
        }
        Ok(paused.into_values().collect())
    }

    /// Pauses these, which stay so until they are resumed.
    ///
    /// # Errors
    ///
    /// When the log has not taken all of it.
    ///
    /// # Cancel safety
    ///
    /// What was handed over is written.
    pub async fn pause(
        &self,
        scopes: &[PauseScope],
        reason: &str,
    ) -> Result<Change, TransportError> {
        self.write(scopes, Some(reason)).await
    }

    /// Resumes these. What is paused beside them stays so: an endpoint of its own, or
    /// the whole service.
    ///
    /// # Errors
    ///
    /// When the log has not taken all of it.
    ///
    /// # Cancel safety
    ///
    /// What was handed over is written.
    pub async fn resume(&self, scopes: &[PauseScope]) -> Result<Change, TransportError> {
        self.write(scopes, None).await
    }

    async fn write(
        &self,
        scopes: &[PauseScope],
        reason: Option<&str>,
    ) -> Result<Change, TransportError> {
        // Before anybody can obey.
        let mut change = Change::listen(&*self.transport, &self.control).await?;
        let mut receipts = Vec::new();
        for scope in scopes {
            let record = PauseRecord {
                scope: scope.clone(),
                reason: reason.map(str::to_owned),
            };
            let record = Outgoing {
                topic: Arc::clone(&self.place.topic),
                partition: Some(self.place.partition),
                envelope: record.to_envelope(),
            };
            let receipt = self.transport.append(&record);
            receipts.push(receipt);
        }
        for (scope, receipt) in scopes.iter().zip(receipts) {
            let placed = receipt.await.map_err(|error| {
                TransportError::unreachable(format!(
                    "topic {} does not take what is said of {}: {error}",
                    self.place.topic,
                    scope.as_str()
                ))
            })?;
            let offset = u64::try_from(placed.offset).unwrap_or_default();
            change.await_for(scope, reason.is_some(), offset + 1);
        }
        Ok(change)
    }
}

impl fmt::Debug for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pauses")
            .field("topic", &self.place.topic)
            .finish_non_exhaustive()
    }
}
