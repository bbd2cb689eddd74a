//! The middle stratum: from a delivered record to an [`Outcome`], in key order,
//! within bounds, with an offset that is stored only when the record is settled.

mod assembler;
mod assignment;
mod backlog;
mod basket;
mod batch;
mod cancelled;
mod delivery;
mod engine;
mod gate;
mod gates;
mod idle;
mod intake;
mod job;
mod lanes;
mod limits;
mod lives;
mod margin;
mod moment;
mod notice;
mod offsets;
mod open_replies;
mod outcome;
mod outputs;
mod parking;
mod partition;
mod partitions;
mod policy;
mod pump;
mod quarantine;
mod replier;
mod reply_topics;
mod report;
mod suspicion;
mod sync;
mod tier;
mod valve;
mod withdrawal;
mod work;
mod worker;

pub use delivery::{Delivery, Record};
pub use limits::Limits;
pub use outcome::{BodyError, BodyStream, Failure, Outcome, Reason, Repeat, Reply, ReplyBody};
pub use outputs::{Outputs, OutputsClosed};
pub use policy::{Policies, Policy, Trust, path_only};
pub use quarantine::Quarantine;
pub use reply_topics::ReplyTopics;

pub use crate::contract::{
    Backoff, Guarantee, Idempotency, KeyRule, Mode, RetryPolicy, RetrySpec, StoreDown,
};
pub use crate::transport::{Origin, TopicPartition};

pub(crate) use backlog::Backlog;
pub(crate) use delivery::{Granted, Refusal};
pub(crate) use engine::Engine;
pub(crate) use intake::Intake;
pub(crate) use margin::margin;
pub(crate) use notice::Notice;
pub(crate) use open_replies::OpenReplies;
pub(crate) use parking::ParkedTopics;
pub(crate) use pump::RECORD;
pub(crate) use replier::Replier;
pub(crate) use report::Input;
pub(crate) use valve::{Cause, Scope, Turn};
pub(crate) use work::Workshop;
