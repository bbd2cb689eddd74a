//! The record's key.

use bytes::Bytes;

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;

/// The key of the record, which decided its partition and its place in line.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key(pub Bytes);

impl Fact for Key {
    const MISSING: &'static str = "the record has no key: send it with one";

    fn of(delivery: &Delivery) -> Option<Self> {
        delivery.envelope.key.clone().map(Self)
    }
}

extractors!(Key);
