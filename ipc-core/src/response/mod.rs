//! What a handler may answer beyond plain axum responses: many replies to one
//! request, and a word on what a failure means for the record it came from.
//!
//! Both leave their mark in the response's extensions, so that the same handler
//! answers over plain HTTP and over Kafka.

mod failure;
mod replies;

pub use failure::{Failed, FailureExt, FailureHint};
pub use replies::{Replies, ReplyEnd, ReplyStream};
