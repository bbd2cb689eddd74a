//! The record's place in its partition.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;

/// The record's offset in its [`Partition`](super::Partition): the same for every
/// attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Offset(pub i64);

impl Fact for Offset {
    const MISSING: &'static str = "the request has no offset";

    fn of(delivery: &Delivery) -> Option<Self> {
        Some(Self(delivery.home().offset))
    }
}

extractors!(Offset);
