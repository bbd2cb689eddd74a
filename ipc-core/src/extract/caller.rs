//! Who is calling.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;
use crate::envelope::CallerId;

/// The life of the caller that sent the record, as it calls itself: a name to
/// log and count by, never to trust.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Caller(pub CallerId);

impl Fact for Caller {
    const MISSING: &'static str = "the record does not say who calls: send header ipc-caller";

    fn of(delivery: &Delivery) -> Option<Self> {
        delivery.head.caller.clone().map(Self)
    }
}

extractors!(Caller);
