use anyhow::{Context as _, Result};
use bytes::Buf;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
};

use crate::{Log, Written, three_brokers::OFFSETS, within};

/// That a group has committed an offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Commit {
    /// The partition of the topic that was asked for.
    pub partition: i32,
    /// The offset that comes next.
    pub offset: i64,
    /// When the coordinator wrote it down, in milliseconds since 1970.
    pub timestamp: i64,
}

impl Log {
    /// Every commit of `group` for `topic`, each partition's in their order, up to the one that has reached the end
    /// of its partition, for all that have records.
    ///
    /// # Errors
    ///
    /// When such a commit is not there.
    pub async fn commits(&self, group: &str, topic: &str) -> Result<Vec<Commit>> {
        let mut ends = self.ends(topic).await?;
        let consumer: StreamConsumer = self
            .reader("commits")
            // transactions of others that commit offsets hold nobody up here
            .set("isolation.level", "read_uncommitted")
            .create()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..i32::try_from(self.ends(OFFSETS).await?.len())? {
            all.add_partition_offset(OFFSETS, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        let mut commits = Vec::new();
        while ends.iter().any(|end| *end > 0) {
            let message = within("the last commit", consumer.recv()).await??;
            let Some(commit) = Commit::of(&Written::of(&message), group, topic) else {
                continue;
            };
            let place = usize::try_from(commit.partition)?;
            let end = ends.get_mut(place).context("a commit beyond the topic")?;
            if *end == commit.offset {
                *end = 0;
            }
            commits.push(commit);
        }
        Ok(commits)
    }
}

impl Commit {
    /// Reads a record of the topic of offsets: its key says what is meant, its value begins with the offset.
    fn of(written: &Written, group: &str, topic: &str) -> Option<Self> {
        let mut key = written.key.as_deref()?;
        // higher versions tell of groups and their members
        if key.try_get_i16().ok()? > 1 {
            return None;
        }
        let is_meant = text(&mut key)? == group.as_bytes() && text(&mut key)? == topic.as_bytes();
        let mut value = written.payload.as_slice();
        let _version = value.try_get_i16().ok()?;
        is_meant.then_some(Self {
            partition: key.try_get_i32().ok()?,
            offset: value.try_get_i64().ok()?,
            timestamp: written.timestamp,
        })
    }
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text)
}
