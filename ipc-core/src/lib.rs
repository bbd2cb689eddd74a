//! Serve HTTP applications over Kafka: request/reply, one-way, and one request
//! with many replies.

pub mod dispatch;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod envelope;
pub mod response;
pub mod transport;
