//! What became of one message: what happened to it when, and where it is now.
//!
//! ```no_run
//! use ipc_core::journey::Search;
//! use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let kafka = KafkaTransport::connect(KafkaConfig::from_env()?).await?;
//! let search = Search::new("orders", "0192f0c1-5a9b-7cc3-98c4-dc0c0c07398f");
//! let journey = search.run(&kafka).await?;
//! for step in &journey.steps {
//!     println!("{:?} {}", step.at, step.what);
//! }
//! println!("{}", journey.whereabouts);
//! # Ok(()) }
//! ```
//!
//! The topics of a service are read from a point in time on: its requests, its
//! control and dead-letter topic, those of parked keys, and the topics that its callers
//! wait on. An id of
//! this crate's own says itself when it was made.

mod scan;
mod step;
mod whereabouts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::envelope::UnixMillis;
use crate::redrive::Place;
use crate::transport::{TopicState, Transport, TransportError};

pub use step::{Step, What};
pub use whereabouts::Whereabouts;

use scan::Scan;

/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(60);
/// How far back is looked where an id does not say its time.
const BACK: Duration = Duration::from_secs(60 * 60);

/// What happened to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Journey {
    /// Every record that tells of it, in the order of time.
    pub steps: Vec<Step>,
    /// Where it is now.
    pub whereabouts: Whereabouts,
}

/// Which message is looked for, and where.
#[derive(Clone, Debug)]
#[must_use]
pub struct Search {
    service: String,
    id: String,
    since: Option<UnixMillis>,
    group: Option<Arc<str>>,
    topics: Vec<Arc<str>>,
}

impl Search {
    /// The message with the correlation id `id`, sent to `service`. Ids are written as
    /// logs and traces have them: a UUID, text, or hexadecimal.
    pub fn new(service: impl Into<String>, id: impl Into<String>) -> Self {
        let id: String = id.into();
        Self {
            service: service.into(),
            // As an id that is a UUID is written, whoever wrote this one.
            id: Uuid::parse_str(&id).map_or(id, |uuid| uuid.to_string()),
            since: None,
            group: None,
            topics: Vec::new(),
        }
    }

    /// Begins there. Default: a minute before the id was made where it says so (UUIDv7),
    /// else an hour ago.
    pub fn since(mut self, since: UnixMillis) -> Self {
        self.since = Some(since);
        self
    }

    /// The service's consumer group. Default: the service's name.
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Looks for requests in this topic too: an endpoint's own, or one of retries. By
    /// its whole name.
    pub fn topic(mut self, topic: impl Into<Arc<str>>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// Looks for it.
    ///
    /// # Errors
    ///
    /// When the service has no topic of requests, when one that was named does not
    /// exist, or when no broker answers.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn run(self, transport: &dyn Transport) -> Result<Journey, TransportError> {
        let names = transport.topic_names();
        let requests = [vec![names.requests(&self.service)], self.topics.clone()].concat();
        let requests = existing(transport, requests).await?;
        let beside = [
            names.control(&self.service),
            names.dead_letters(&self.service),
        ];
        let beside = transport.topics(&beside).await?;
        let parked = requests.iter().map(|topic| names.parked(&topic.name));
        let parked = transport.topics(&Vec::from_iter(parked)).await?;
        let scan = Scan {
            transport,
            id: &self.id,
            since: self.since.unwrap_or_else(|| self.made(transport.now())),
        };
        let (mut steps, waiting) = scan.requests(&requests).await?;
        steps.sort_by_key(Step::replays);
        if let [control, letters] = &beside[..] {
            if let Some(control) = control {
                steps.extend(scan.control(control).await?);
            }
            if let Some(letters) = letters {
                steps.extend(scan.letters(letters).await?);
            }
        }
        for parked in parked.iter().flatten() {
            steps.extend(scan.parked(parked).await?);
        }
        steps.extend(scan.replies(&waiting).await?);
        // Of the same millisecond, as they stand: a request before what it led to, and
        // before itself when it was sent back.
        steps.sort_by_key(|step| step.at);

        let group = self.group.unwrap_or_else(|| self.service.into());
        let committed = committed(transport, &group, &requests, &steps).await?;
        let next = |topic: &str, place: Place| {
            let partition = usize::try_from(place.partition).ok()?;
            *committed.get(topic)?.get(partition)?
        };
        let whereabouts = whereabouts::find(&steps, &next);
        Ok(Journey { steps, whereabouts })
    }

    /// Somewhat before the id was made.
    fn made(&self, now: UnixMillis) -> UnixMillis {
        let uuid = Uuid::parse_str(&self.id).ok();
        let made = uuid.filter(|uuid| uuid.get_version_num() == 7).map(|uuid| {
            // The first 48 bits of a UUIDv7 are milliseconds.
            UnixMillis((uuid.as_u128() >> 80) as u64)
        });
        match made {
            Some(made) if made <= now.plus(SKEW) => made.minus(SKEW),
            _ => now.minus(BACK),
        }
    }
}

/// The topics, all of which must be there.
async fn existing(
    transport: &dyn Transport,
    names: Vec<Arc<str>>,
) -> Result<Vec<TopicState>, TransportError> {
    let found = transport.topics(&names).await?;
    let missing = |name: &Arc<str>| {
        TransportError::missing_topic(format!(
            "topic {name} does not exist: check the name of the service and the topic prefix"
        ))
    };
    let both = names.iter().zip(found);
    both.map(|(name, topic)| topic.ok_or_else(|| missing(name)))
        .collect()
}

/// How far the group is, in the topics that the requests were found in.
async fn committed(
    transport: &dyn Transport,
    group: &str,
    requests: &[TopicState],
    steps: &[Step],
) -> Result<BTreeMap<Arc<str>, Vec<Option<i64>>>, TransportError> {
    let in_use: BTreeSet<&Arc<str>> = steps.iter().map(|step| &step.topic).collect();
    let mut committed = BTreeMap::new();
    for topic in requests.iter().filter(|topic| in_use.contains(&topic.name)) {
        let offsets = transport.committed(group, topic).await?;
        committed.insert(Arc::clone(&topic.name), offsets);
    }
    Ok(committed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::CorrelationId;

    #[test]
    fn an_id_of_our_own_says_when_it_was_made() {
        let before = UnixMillis::now().minus(SKEW);
        let search = Search::new("orders", CorrelationId::random().to_string());
        let now = UnixMillis::now();
        assert!((before..=now.minus(SKEW)).contains(&search.made(now)));
    }

    proptest! {
        #[test]
        fn other_ids_are_looked_for_an_hour_back(id in "[a-z0-9]{0,20}", now: u64) {
            let now = UnixMillis(now);
            prop_assert_eq!(Search::new("orders", id).made(now), now.minus(BACK));
        }
    }
}
