//! Serve HTTP applications over Kafka: request/reply, one-way, and one request
//! with many replies.

pub mod client;
pub mod contract;
pub mod dispatch;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod envelope;
pub mod extract;
pub mod health;
pub mod http;
pub mod layer;
pub mod metrics;
pub mod response;
pub mod service;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
