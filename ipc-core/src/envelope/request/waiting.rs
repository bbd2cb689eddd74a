//! Who waits for the answer, and where: the three headers whose names and
//! spelling differ from dialect to dialect.

use bytes::Bytes;
use bytestring::ByteString;

use super::super::{CorrelationId, Dialect, decimal, text};
use super::malformed::Faults;
use super::{Malformed, ReplyAddress, ReplyPartition, RequestHead};

/// The three headers in one family of names, not yet looked into.
#[derive(Default)]
pub(super) struct Waiting<'a> {
    pub(super) correlation_id: Slot<'a>,
    pub(super) topic: Slot<'a>,
    pub(super) partition: Slot<'a>,
}

impl Waiting<'_> {
    /// Whether the request uses this family of names.
    pub(super) fn is_there(&self) -> bool {
        self.correlation_id.value.is_some() || self.topic.value.is_some()
    }

    pub(super) fn has_partition_as_text(&self) -> bool {
        self.partition
            .value
            .is_some_and(|value| decimal::read::<i32>(value).is_some())
    }

    /// Looks into the headers and puts into `head` what can be read. `certain`
    /// says that the dialect is known, not guessed.
    pub(super) fn settle(
        self,
        dialect: Dialect,
        certain: bool,
        head: &mut RequestHead,
        faults: &mut Faults,
    ) {
        let names = dialect.spelling();
        head.correlation_id = self
            .correlation_id
            .open(names.correlation_id, faults)
            .map(|value| CorrelationId::from(value.clone()));
        let topic = self
            .topic
            .open(names.topic, faults)
            .and_then(|value| faults.keep(topic(names.topic, value)));
        let partition = names.partition.and_then(|name| {
            let value = self.partition.open(name, faults)?;
            faults.keep(partition(name, value, dialect, certain))
        });
        head.reply_to = topic.map(|topic| ReplyAddress { topic, partition });
    }
}

fn topic(name: &'static str, value: &Bytes) -> Result<ByteString, Malformed> {
    let expected = "a topic's name";
    text::read(value)
        .filter(|topic| !topic.is_empty())
        .ok_or(Malformed::Invalid { name, expected })
}

fn partition(
    name: &'static str,
    value: &[u8],
    dialect: Dialect,
    certain: bool,
) -> Result<ReplyPartition, Malformed> {
    let expected = "a partition number from 0";
    let partition = match dialect {
        Dialect::NestJs if certain => ReplyPartition::read_text(value),
        Dialect::Native | Dialect::NestJs if !certain => ReplyPartition::read_either(value),
        _ => ReplyPartition::read_raw(value),
    };
    partition.ok_or(Malformed::Invalid { name, expected })
}

/// One header: its first value, and whether there was another.
#[derive(Default)]
pub(super) struct Slot<'a> {
    value: Option<&'a Bytes>,
    repeated: bool,
}

impl<'a> Slot<'a> {
    pub(super) fn put(&mut self, value: &'a Bytes) {
        if self.value.is_some() {
            self.repeated = true;
        } else {
            self.value = Some(value);
        }
    }

    fn open(self, name: &'static str, faults: &mut Faults) -> Option<&'a Bytes> {
        if self.repeated {
            faults.note(Malformed::Repeated { name });
        }
        self.value
    }
}
