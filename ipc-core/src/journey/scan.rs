//! Reading topics for the records of one message.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Step;
use crate::envelope::{ReplyAddress, RequestHead, UnixMillis};
use crate::redrive::{Mark, Place};
use crate::transport::{
    Reader, Received, Start, TopicPartition, TopicState, Transport, TransportError,
};

/// Most partitions that are read at the same time: each costs a client of its own.
const AT_ONCE: usize = 8;

/// A look for the records of one message.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) id: &'a str,
    pub(super) since: UnixMillis,
}

impl Scan<'_> {
    /// The requests, and where their answers go.
    pub(super) async fn requests(
        self,
        topics: &[TopicState],
    ) -> Result<(Vec<Step>, Vec<ReplyAddress>), TransportError> {
        let all = topics.iter().flat_map(partitions);
        let found = self
            .read::<(Step, RequestHead)>(all, |record, found| {
                found.extend(Step::of_request(record, self.id));
            })
            .await?;
        let (steps, heads): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let waiting = heads.into_iter().filter_map(|head| head.reply_to);
        Ok((steps, waiting.collect()))
    }

    pub(super) async fn control(self, topic: &TopicState) -> Result<Vec<Step>, TransportError> {
        self.read::<Step>(partitions(topic), |record, found| {
            found.extend(Step::of_control(record, self.id));
        })
        .await
    }

    /// The letters, and what was decided for them: behind them, in their partition.
    pub(super) async fn letters(self, topic: &TopicState) -> Result<Vec<Step>, TransportError> {
        self.read::<Step>(partitions(topic), |record, found| {
            let Some(mark) = Mark::parse(&record.envelope.headers) else {
                found.extend(Step::of_letter(record, self.id));
                return;
            };
            let letters = found.iter().map(|step| step.place.offset);
            let settled = letters.filter(|letter| mark.offsets.contains(letter));
            let settled: BTreeSet<i64> = settled.collect();
            let partition = record.origin.partition.partition;
            found.extend(settled.into_iter().map(|offset| {
                let letter = Place { partition, offset };
                Step::of_mark(record, letter, mark.state)
            }));
        })
        .await
    }

    /// What stands of it in a topic of parked records, and what took it away: behind it,
    /// under the same key.
    pub(super) async fn parked(self, topic: &TopicState) -> Result<Vec<Step>, TransportError> {
        self.read::<Step>(partitions(topic), |record, found| {
            let ended = Step::of_parked_end(record);
            let stood = |ended: &Step| found.iter().any(|step| step.entry() == ended.entry());
            let ended = ended.filter(stood);
            found.extend(ended.or_else(|| Step::of_parked(record, self.id)));
        })
        .await
    }

    /// The answers, where callers wait for them. A topic that is gone has none.
    pub(super) async fn replies(
        self,
        waiting: &[ReplyAddress],
    ) -> Result<Vec<Step>, TransportError> {
        let names = waiting.iter().map(|address| Arc::from(&*address.topic));
        let names: BTreeSet<Arc<str>> = names.collect();
        let topics = self.transport.topics(&Vec::from_iter(names)).await?;
        let places = topics.iter().flatten().flat_map(|topic| {
            let here = waiting.iter().filter(|it| *it.topic == *topic.name);
            let here: Vec<Option<i32>> = here.map(|it| it.partition(topic.partitions)).collect();
            partitions(topic)
                .filter(move |place| here.contains(&None) || here.contains(&Some(place.partition)))
        });
        self.read::<Step>(places, |record, found| {
            found.extend(Step::of_reply(record, self.id));
        })
        .await
    }

    /// What `pick` finds in partitions, each read from the point in time to its end.
    async fn read<T: Send>(
        self,
        places: impl Iterator<Item = TopicPartition>,
        pick: impl Fn(&Received, &mut Vec<T>) + Sync,
    ) -> Result<Vec<T>, TransportError> {
        let pick = &pick;
        let readings = places.map(|place| async move {
            let start = Start::Since(self.since);
            let mut reader = Reader::open(self.transport, place, start).await?;
            let mut found = Vec::new();
            while let Some(record) = reader.next().await? {
                pick(&record, &mut found);
            }
            Ok(found)
        });
        let found = stream::iter(readings).buffered(AT_ONCE);
        let found: Vec<Vec<T>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

fn partitions(topic: &TopicState) -> impl Iterator<Item = TopicPartition> + use<> {
    let name = Arc::clone(&topic.name);
    (0..topic.partitions).map(move |partition| TopicPartition {
        topic: Arc::clone(&name),
        partition,
    })
}
