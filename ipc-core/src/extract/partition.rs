//! Where the record was read from.

use super::facts::{Fact, extractors};
use crate::dispatch::{Delivery, TopicPartition};

/// The partition the record was written to first, with its topic: the same for every
/// attempt, wherever the record waited in between.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Partition(pub TopicPartition);

impl Fact for Partition {
    const MISSING: &'static str = "the request has no partition";

    fn of(delivery: &Delivery) -> Option<Self> {
        Some(Self(delivery.home().partition.clone()))
    }
}

extractors!(Partition);
