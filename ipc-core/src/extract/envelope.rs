//! The whole record, with what HTTP cannot express.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;
use crate::envelope::Envelope;

impl Fact for Envelope {
    const MISSING: &'static str = "the request has no record";

    fn of(delivery: &Delivery) -> Option<Self> {
        Some(delivery.envelope.clone())
    }
}

extractors!(Envelope);
