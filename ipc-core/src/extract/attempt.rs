//! How often the record was tried.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;

/// Which attempt this is, 1 on the first: how often the work failed before, and one.
/// What waited because the handler could not take it counts as no attempt. A process
/// that died while it worked on a record leaves no trace here: 1 does not promise a
/// first sight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Attempt(pub u32);

impl Fact for Attempt {
    const MISSING: &'static str = "the request has no delivery attempt";

    fn of(delivery: &Delivery) -> Option<Self> {
        Some(Self(delivery.head.attempt))
    }
}

extractors!(Attempt);
