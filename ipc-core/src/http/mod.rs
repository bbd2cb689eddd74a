//! The uppermost stratum: HTTP applications served to delivered records.
//!
//! [`HttpAdapter`] makes a [`Delivery`](crate::dispatch::Delivery) an
//! [`http::Request`], hands it to any HTTP service, and makes
//! the response an [`Outcome`](crate::dispatch::Outcome). The service is not
//! changed for it: an axum [`Router`](axum::Router) that was written for a
//! socket is served as it stands.
//!
//! ```
//! use axum::{Router, routing::get};
//! use ipc_core::http::{HttpAdapter, mark_matched};
//!
//! let app = Router::new().route("/orders/{id}", get(|| async { "an order" }));
//! let service = HttpAdapter::new(mark_matched(app));
//! # let _ = service;
//! ```
//!
//! # What crosses
//!
//! An application cannot tell that its requests came over Kafka:
//!
//! - **The method** as sent, extension methods included. HEAD reaches the
//!   handler and comes back with its headers and without a body.
//! - **Path and query** byte for byte: `%2F` and `%FF` stay encoded, `..` stays,
//!   an empty query stays, and `//x` is a path. What is no request target at all
//!   is answered 400, one of more than 65 534 bytes 414.
//! - **Headers** in order, repeats kept, values byte for byte. The authority a
//!   caller addressed becomes `host` where the request has none. See [`headers`]
//!   for the few that stay behind.
//! - **The body**, whole when the handler starts. Its limit is the
//!   application's own; a `content-length` that contradicts it is answered 400.
//! - **The status** as sent, error or not: for a caller that waits, an error
//!   status is the reply.
//! - **The peer address**, where a gateway sent it, as axum's `ConnectInfo`
//!   (feature `connect-info`).
//!
//! A record that names neither method nor path is no HTTP request and is
//! answered 400, unless [`set_default_route`] gave it one. What else a record
//! says, a handler asks for with the extractors of [`extract`](crate::extract).
//!
//! # How a reply travels
//!
//! A body of up to [`CHUNK_BYTES`] is one record. A longer one, or one of
//! unknown length that turns out longer, goes in chunks as the handler produces
//! it. A body is a stream, one record for each of its frames, where its response
//! is marked [`ReplyStream`](crate::response::ReplyStream), its media type is
//! `text/event-stream` or `application/x-ndjson`, or its endpoint is declared a
//! stream and succeeds.
//!
//! A caller that did not say it reads chunks or streams gets one record of up to
//! [`RECORD_BYTES`], beyond that the problem `reply-too-large` with status 502.
//! A slow body of unknown length that is not a stream is held back until it ends
//! or fills a chunk: mark it, or give it one of the media types above, where each
//! piece should arrive at once.
//!
//! # What a one-way record comes to
//!
//! Nobody waits, so the status decides, and the body is dropped unread.
//!
//! | response | outcome |
//! |---|---|
//! | below 400 | done |
//! | 408, 425, 429, 503, or any error with `retry-after` | not now |
//! | 404 from the fallback of a [marked](mark_matched) router, 405 | unknown endpoint |
//! | other 4xx, a panic, a record that is no request | failed for good |
//! | other 5xx | failed, another attempt may help |
//!
//! [`FailureHint`](crate::response::FailureHint) overrides the status. 405 is an
//! unknown endpoint because a path that is served and a method that is not are
//! what a half-finished deploy looks like. A *call* to an endpoint that answers
//! nobody gets 202 once it is done.
//!
//! # What does not cross
//!
//! - **Upgrades and CONNECT** need a connection that stays. They are answered
//!   501 before the handler runs, and the caller's side refuses to send them.
//!   Serve a WebSocket over a direct connection. An offer of another *HTTP*
//!   (`upgrade: h2c`, `h2`), which some clients put on every request, is ignored, as
//!   HTTP servers do.
//! - **Trailers** are dropped, in both directions, and with them the headers
//!   `te` and `trailer`. gRPC, which ends in trailers, does not work.
//! - **Interim responses** (1xx): `expect: 100-continue` is between the client
//!   and whoever reads its body.
//! - **Hop-by-hop headers**, those that `connection` names among them, and
//!   **reserved names**.

mod adapter;
mod caller;
mod client;
pub mod headers;
mod pieces;
mod request;
mod response;
mod routed;
mod status;

pub use adapter::HttpAdapter;
pub use caller::{Reserved, check_crossable, request_record, response_parts};
pub use client::BodyBroken;
pub use request::set_default_route;
pub use response::{CHUNK_BYTES, RECORD_BYTES};
pub use routed::mark_matched;
