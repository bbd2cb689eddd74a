//! Serve HTTP applications over Kafka: request/reply, one-way, and one request
//! with many replies.

pub mod contract;
pub mod dispatch;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod envelope;
pub mod extract;
pub mod http;
pub mod metrics;
pub mod response;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
