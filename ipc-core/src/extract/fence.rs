//! The number of the claim a request is handled under.

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;
use crate::store::Fence;

impl Fact for Fence {
    const MISSING: &'static str = "the request is handled under no claim: give its endpoint \
                                   idempotency and its service a dedup store";

    fn of(delivery: &Delivery) -> Option<Self> {
        delivery.fence()
    }
}

extractors!(Fence);
