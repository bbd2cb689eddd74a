//! What ties the replies to the request.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;
use crate::envelope::CorrelationId;

impl Fact for CorrelationId {
    const MISSING: &'static str =
        "the record has no correlation id: send header kafka_correlationId";

    fn of(delivery: &Delivery) -> Option<Self> {
        delivery.head.correlation_id.clone()
    }
}

extractors!(CorrelationId);
