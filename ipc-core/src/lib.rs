//! Serve HTTP applications over Kafka: request/reply, one-way, and one request
//! with many replies.
//!
//! A request is a record on the service's topic, its reply a record on the
//! caller's. In between stands an application that need not know: an axum
//! [`Router`](axum::Router), served as it is.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use ipc_core::prelude::*;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let app = Router::new().route("/hello/{name}", get(async |Path(name): Path<String>| {
//!     format!("hello {name}")
//! }));
//! Service::builder("greeter")
//!     .kafka(KafkaConfig::from_env()?) // KAFKA_BOOTSTRAP_SERVERS
//!     .create_topics(12)
//!     .serve(app)
//!     .with_graceful_shutdown(shutdown_signal())
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! Who calls it? An HTTP client, through the gateway `ipc-http-shim`; a program
//! written against an HTTP client, since [`Client`](client::Client) is a
//! `tower::Service` of HTTP requests; or a typed caller.
//!
//! # Endpoints and typed callers
//!
//! [`#[endpoint]`](endpoint) leaves a handler as it is and puts its contract
//! beside it: method, path, mode, timeout, key and types. An [`App`](routing::App)
//! is a Router that carries its contracts, and takes routes without one along.
//!
//! ```no_run
//! use ipc_core::prelude::*;
//!
//! #[endpoint(GET "/squares/{of}", timeout = "2s")]
//! async fn square(Path(of): Path<u32>) -> Json<u64> {
//!     Json(u64::from(of).pow(2))
//! }
//!
//! # async fn example(kafka: KafkaConfig) -> Result<(), Box<dyn std::error::Error>> {
//! let app: App = App::new().endpoints(endpoints![square])?;
//! let service = Service::builder("maths").kafka(kafka.clone()).create_topics(12);
//! let service = service.serve(app).start().await?;
//!
//! let client = Client::builder("web").create_topics(3).connect_kafka(kafka).await?;
//! let reply: u64 = client.service("maths").call(square::request(12)).await?;
//! assert_eq!(reply, 144);
//! # service.stop().await;
//! # Ok(()) }
//! ```
//!
//! The handler is still a function, so a test of it needs no broker:
//!
//! ```
//! # use ipc_core::prelude::*;
//! # #[endpoint(GET "/squares/{of}")]
//! # async fn square(Path(of): Path<u32>) -> Json<u64> {
//! #     Json(u64::from(of).pow(2))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let Json(reply) = square(Path(12)).await;
//! assert_eq!(reply, 144);
//! # }
//! ```
//!
//! Callers in other programs share a contract, not the handler:
//! [`contract!`](contract!) declares one in a crate that depends on this one
//! without default features, and so without a C library.
//!
//! # Three modes
//!
//! | mode | declared as | called by | it is finished when |
//! |---|---|---|---|
//! | call | the default | [`call`](client::ServiceClient::call) | the log has the reply |
//! | one-way | `one_way` | [`send`](client::ServiceClient::send) | the handler succeeded, or the log has the dead letter |
//! | stream | `stream`, answering [`Replies`](response::Replies) | [`stream`](client::ServiceClient::stream) | the log has the first record; it goes on beside |
//!
//! # What is promised
//!
//! A request is handled at least once; records of one key one after the other. A
//! call ends in one of four ways: a reply, an application error, rejected (nothing
//! was sent) or unknown; [`CallError`](client::CallError) tells the last three
//! apart. The deadline travels with the request, expired work is dropped, and what
//! a handler calls inherits what is left. Where an
//! endpoint asks for it, a repetition is answered from a [store].
//! `docs/delivery-semantics.md` has the rest.
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | setting a service up: limits, hooks, health, shutdown | [`service`] |
//! | calling, and how calls end | [`client`] |
//! | handlers with contracts | [`routing`], [`contract`](mod@contract), [`response`] |
//! | correlation id, deadline, key and offset in a handler | [`extract`] |
//! | requests that come again | [`store`] |
//! | messages that a database transaction sends | `outbox` (feature `postgres`) |
//! | topics that are not HTTP-shaped | [`handler`] |
//! | what is in a dead-letter topic, sending it back | [`redrive`] |
//! | what became of one message | [`journey`] |
//! | pausing a service and its endpoints | [`pause`] |
//! | how Kafka is reached and configured | [`transport`] |
//! | what is counted | [`metrics`], [`health`] |
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `kafka` | yes | the Kafka transport; builds librdkafka from C |
//! | `connect-info` | yes | the peer's address, SSE keep-alive |
//! | `http-server` | yes | the admin listener; one application on Kafka and HTTP at once |
//! | `principal` | yes | keys to vouch for the sender of a request with, and to verify that by |
//! | `tls` | | TLS and SASL SCRAM, with a vendored OpenSSL |
//! | `zstd` | | zstd compression of records |
//! | `protobuf` | | Protobuf bodies |
//! | `postgres` | | the dedup store in Postgres, its transaction for handlers, and the outbox; without TLS unless `sqlx` is given it; needs Rust 1.94 |
//! | `redis` | | the dedup store in Redis or Valkey |
//! | `embedded` | | a development broker inside the process, never for production |
//! | `testing` | | a deterministic model of Kafka in memory, for a service's own tests |

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
pub mod journey;
pub mod layer;
pub mod metrics;
#[cfg(feature = "postgres")]
pub mod outbox;
pub mod pause;
pub mod prelude;
#[cfg(feature = "principal")]
pub mod principal;
pub mod redrive;
pub mod response;
pub mod routing;
pub mod service;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;

#[doc = include_str!("docs/contract.md")]
pub use ipc_macros::contract;
#[doc = include_str!("docs/endpoint.md")]
pub use ipc_macros::endpoint;
