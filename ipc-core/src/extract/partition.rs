//! Where the record was read from.

use super::facts::{Fact, extractors};
use crate::dispatch::{Delivery, TopicPartition};

/// The partition the record was read from, with its topic.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Partition(pub TopicPartition);

impl Fact for Partition {
    const MISSING: &'static str = "the request has no partition";

    fn of(delivery: &Delivery) -> Option<Self> {
        Some(Self(delivery.origin.partition.clone()))
    }
}

extractors!(Partition);
