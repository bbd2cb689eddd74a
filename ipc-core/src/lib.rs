//! Serve HTTP applications over Kafka: request/reply, one-way, and one request
//! with many replies.

#[allow(
    unused_extern_crates,
    reason = "generated code names this crate from outside, within it too"
)]
extern crate self as ipc_core;

#[doc(hidden)]
pub mod __private;
pub mod client;
pub mod contract;
pub mod dispatch;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod envelope;
pub mod extract;
pub mod handler;
pub mod health;
pub mod http;
pub mod layer;
pub mod metrics;
pub mod prelude;
pub mod response;
pub mod routing;
pub mod service;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;

#[doc = include_str!("docs/contract.md")]
pub use ipc_macros::contract;
#[doc = include_str!("docs/endpoint.md")]
pub use ipc_macros::endpoint;
