//! Serve HTTP applications over Kafka: request/reply, one-way, and one request
//! with many replies.

pub mod dispatch;
pub mod envelope;
pub mod transport;
