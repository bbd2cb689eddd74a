//! The middle stratum: from a delivered record to an [`Outcome`], in key order,
//! within bounds, with an offset that is stored only when the record is settled.

mod delivery;
mod outcome;
mod policy;

pub use delivery::Delivery;
pub use outcome::{BodyError, BodyStream, Failure, Outcome, Reason, Reply, ReplyBody};
pub use policy::{Policies, Policy, path_only};

pub use crate::contract::{Guarantee, Idempotency, KeyRule, Mode};
