//! Where a reply goes.

use bytestring::ByteString;

use super::super::decimal;

/// Where a reply goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyAddress {
    /// The caller's reply topic, not yet checked against any allow-list.
    pub topic: ByteString,
    /// The partition the caller reads; `None` lets the key decide.
    pub partition: Option<ReplyPartition>,
}

impl ReplyAddress {
    /// An address with a partition known for certain, or none.
    #[must_use]
    pub fn new(topic: impl Into<ByteString>, partition: Option<i32>) -> Self {
        Self {
            topic: topic.into(),
            partition: partition.map(ReplyPartition::Number),
        }
    }

    /// The partition to send to, for a reply topic of `count` partitions. It may
    /// still lie outside the topic: it is what the caller wrote.
    #[must_use]
    pub fn partition(&self, count: i32) -> Option<i32> {
        self.partition.map(|partition| partition.resolve(count))
    }
}

/// A reply partition as the request spelled it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyPartition {
    /// Spelled so that it can be read in one way only.
    Number(i32),
    /// Four ASCII digits, which two spellings share. How many partitions the
    /// reply topic has decides which was meant.
    Ambiguous {
        /// Read as Spring writes it: four bytes, big-endian.
        integer: i32,
        /// Read as NestJS writes it: decimal text.
        text: i32,
    },
}

impl ReplyPartition {
    /// The number, in a topic of `count` partitions: the integer, unless the
    /// topic is too small for it.
    #[must_use]
    pub fn resolve(self, count: i32) -> i32 {
        match self {
            Self::Number(partition) => partition,
            Self::Ambiguous { integer, .. } if integer < count => integer,
            Self::Ambiguous { text, .. } => text,
        }
    }

    /// Reads decimal text. `None` for anything else.
    pub(super) fn read_text(value: &[u8]) -> Option<Self> {
        decimal::read(value).map(Self::Number)
    }

    /// Reads four bytes, and text where there are not four. `None` for what is
    /// neither, or negative.
    pub(super) fn read_raw(value: &[u8]) -> Option<Self> {
        let Ok(raw) = <[u8; 4]>::try_from(value) else {
            return Self::read_text(value);
        };
        let integer = i32::from_be_bytes(raw);
        (integer >= 0).then_some(Self::Number(integer))
    }

    /// Reads four bytes or text, where either may have been meant.
    pub(super) fn read_either(value: &[u8]) -> Option<Self> {
        match (Self::read_raw(value)?, decimal::read(value)) {
            (Self::Number(integer), Some(text)) if value.len() == 4 => {
                Some(Self::Ambiguous { integer, text })
            }
            (certain, _) => Some(certain),
        }
    }
}
