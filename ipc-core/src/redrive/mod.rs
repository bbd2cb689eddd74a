//! Dead letters: what is there, sending it back, and dropping it.
//!
//! ```no_run
//! use std::num::NonZeroU32;
//! use std::sync::Arc;
//!
//! use futures_util::TryStreamExt as _;
//! use ipc_core::redrive::{DeadLetters, Filter};
//! use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let kafka = KafkaTransport::connect(KafkaConfig::from_env()?).await?;
//! let letters = DeadLetters::open(Arc::new(kafka), "orders.dlq").await?;
//!
//! let panics = Filter::new().reason("panic");
//! let mut listed = letters.list(panics.clone()).await?;
//! while let Some(letter) = listed.try_next().await? {
//!     println!("{} {:?}", letter.place(), letter.path());
//! }
//!
//! let run = letters.redrive(panics).rate(NonZeroU32::new(50).unwrap());
//! let report = run.run().await?;
//! println!("{} sent back, {} refused", report.settled(), report.refused.len());
//! # Ok(()) }
//! ```
//!
//! # What is remembered, and where
//!
//! A log takes nothing back. What was decided for a letter is written behind it, into
//! its own partition, as a mark: a record without key and payload whose headers say
//! which offsets are `redriven` or `dropped`. A letter without a mark is open. A mark is
//! younger than its letters, so the topic never forgets a mark before them, and any
//! filter, in any order, leaves the others open.
//!
//! # Order, and what may happen twice
//!
//! Letters of one key lie in one partition and are sent back in the order in which they
//! were given up, each once the one before it is in the log. Marks are written after
//! that, for at most 100 letters: a run that is killed in between leaves those to be
//! sent back once more, under the same key and idempotency key.

mod filter;
mod lease;
mod letter;
mod mark;
mod pace;
mod place;
mod refusal;
mod report;
mod revive;
mod run;
mod selection;
mod survey;
mod topics;
mod window;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::transport::{TopicPartition, TopicState, Transport, TransportError};

pub use filter::{EndpointPattern, Filter, InvalidPattern};
pub use letter::{DeadLetter, State};
pub(crate) use mark::Mark;
pub use place::{InvalidPlace, Place};
pub use refusal::{Refusal, Refused};
pub use report::{Report, RunError};
pub use run::Run;

use selection::Selection;
use survey::Survey;

/// Most partitions that are read at the same time: each costs a client of its own.
const AT_ONCE: usize = 8;

/// The dead letters of one topic.
#[derive(Clone)]
pub struct DeadLetters {
    transport: Arc<dyn Transport>,
    topic: TopicState,
}

impl DeadLetters {
    /// The dead letters in `topic`, `<service>.dlq` as a rule.
    ///
    /// # Errors
    ///
    /// When there is no such topic, or no broker answers.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn open(transport: Arc<dyn Transport>, topic: &str) -> Result<Self, TransportError> {
        let name = Arc::from(topic);
        let mut found = transport.topics(std::slice::from_ref(&name)).await?;
        let topic = found.pop().flatten().ok_or_else(|| {
            TransportError::missing_topic(format!(
                "dead-letter topic {topic} does not exist: check the name of the service and the topic prefix"
            ))
        })?;
        Ok(Self { transport, topic })
    }

    /// The letters that `filter` takes, partition by partition.
    ///
    /// # Errors
    ///
    /// When a partition cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn list(&self, filter: Filter) -> Result<Letters, TransportError> {
        let mut reasons = BTreeSet::new();
        let mut found = VecDeque::new();
        for survey in self.survey(&filter).await? {
            let wanted = survey.selected(&filter);
            reasons.extend(survey.reasons);
            found.push_back((survey.partition, wanted));
        }
        let count = found.iter().map(|(_, wanted)| wanted.len()).sum();
        let rest = Rest {
            transport: Arc::clone(&self.transport),
            found,
            current: None,
        };
        let letters = stream::try_unfold(rest, |mut rest| async move {
            Ok(rest.next().await?.map(|letter| (letter, rest)))
        });
        Ok(Letters {
            count,
            reasons,
            letters: Box::pin(letters),
        })
    }

    /// Sends the letters that `filter` takes back to the topics they came from.
    pub fn redrive(&self, filter: Filter) -> Run {
        Run::new(self.clone(), filter, State::Redriven)
    }

    /// Decides that the letters that `filter` takes are not to be sent back. They stay
    /// in their topic for as long as that keeps them.
    pub fn drop_letters(&self, filter: Filter) -> Run {
        Run::new(self.clone(), filter, State::Dropped)
    }

    async fn survey(&self, filter: &Filter) -> Result<Vec<Survey>, TransportError> {
        let all = (0..self.topic.partitions).map(|partition| {
            let topic = Arc::clone(&self.topic.name);
            let partition = TopicPartition { topic, partition };
            Survey::take(&*self.transport, partition, filter)
        });
        stream::iter(all).buffered(AT_ONCE).try_collect().await
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// Dead letters, read one by one: a partition after the other, each in its order.
pub struct Letters {
    count: usize,
    reasons: BTreeSet<String>,
    letters: Pin<Box<dyn Stream<Item = Result<DeadLetter, TransportError>> + Send>>,
}

impl Letters {
    /// How many there were when they were looked for.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The reasons of all letters in the topic, whichever the filter takes; at most
    /// 100 a partition.
    #[must_use]
    pub fn reasons(&self) -> &BTreeSet<String> {
        &self.reasons
    }
}

impl Stream for Letters {
    type Item = Result<DeadLetter, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.letters.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// What is still to be listed.
struct Rest {
    transport: Arc<dyn Transport>,
    found: VecDeque<(TopicPartition, Vec<(i64, State)>)>,
    current: Option<Selection>,
}

impl Rest {
    async fn next(&mut self) -> Result<Option<DeadLetter>, TransportError> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(letter) = current.next().await?
            {
                return Ok(Some(letter));
            }
            let Some((partition, wanted)) = self.found.pop_front() else {
                return Ok(None);
            };
            self.current = Selection::open(&*self.transport, partition, wanted).await?;
        }
    }
}
