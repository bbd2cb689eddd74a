//! When the caller stops waiting.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;
use crate::envelope::Deadline;

impl Fact for Deadline {
    const MISSING: &'static str = "the record has no deadline: send header ipc-deadline";

    fn of(delivery: &Delivery) -> Option<Self> {
        delivery.head.deadline
    }
}

extractors!(Deadline);
