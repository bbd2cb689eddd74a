//! What a handler can learn about the record its request came in.
//!
//! Extractors on axum's own traits. Where a fact is absent the request is
//! answered with a problem document and never a panic; an `Option` of the
//! extractor is `None` then. The same handler can be served over plain HTTP:
//! there every fact but the idempotency key is absent.
//!
//! Four types of the [envelope](crate::envelope) are extractors themselves:
//! [`CorrelationId`], [`Deadline`], [`Envelope`] and [`Principal`]; so is the [store](crate::store)'s
//! [`Fence`], and with the feature `postgres` the transaction that its store lends, `Tx`.
//!
//! ```
//! use axum::{Router, routing::post};
//! use ipc_core::extract::{Attempt, CorrelationId, Key};
//!
//! async fn place(id: CorrelationId, Attempt(attempt): Attempt, key: Option<Key>) -> String {
//!     format!("{id}, attempt {attempt}, {}", if key.is_some() { "keyed" } else { "no key" })
//! }
//!
//! let app: Router = Router::new().route("/orders", post(place));
//! ```

mod attempt;
mod caller;
mod cancellation;
mod correlation_id;
mod deadline;
mod envelope;
mod facts;
mod fence;
mod idempotency_key;
mod key;
mod offset;
mod outputs;
mod partition;
#[cfg(feature = "connect-info")]
mod peer;
mod principal;
mod shadow;
#[cfg(feature = "postgres")]
mod tx;

pub use crate::dispatch::{Outputs, OutputsClosed};
pub use crate::envelope::{CorrelationId, Deadline, Envelope, Principal};
pub use crate::store::Fence;
#[cfg(feature = "postgres")]
pub use crate::store::postgres::Tx;
pub use attempt::Attempt;
pub use caller::Caller;
pub use cancellation::CancellationToken;
pub use facts::FactRejection;
pub(crate) use facts::Facts;
pub use idempotency_key::IdempotencyKey;
pub use key::Key;
pub use offset::Offset;
pub use partition::Partition;
#[cfg(feature = "connect-info")]
pub(crate) use peer::peer;
pub use shadow::Shadow;
