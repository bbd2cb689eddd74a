//! An axum application that carries its contracts.
//!
//! An axum `Router` is opaque: mode, timeout and idempotency of an endpoint must
//! be known before a record is routed. [`App`] is a Router that knows them for
//! the endpoints it was given, and a plain Router for the rest.

mod app;
mod conflict;
mod endpoint;
mod registry;

pub use app::App;
pub use conflict::{RouteConflict, RouteConflicts};
pub use endpoint::{Endpoint, Endpoints};
pub use registry::{Registered, Registry};
