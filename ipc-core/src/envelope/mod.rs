//! The lowest stratum: what a record says, without saying how it travels.
//!
//! An [`Envelope`] is headers, key and payload. [`RequestHead`] and [`ReplyHead`]
//! are the typed readings of its headers. Nothing here does I/O, reads a clock
//! by itself or knows HTTP's types.

pub mod chain;
pub mod codec;
pub mod context;
pub mod control;
pub mod deadline;
mod decimal;
pub mod dialect;
pub mod headers;
pub mod ids;
pub mod limits;
pub mod names;
mod parked;
pub mod pause;
pub mod principal;
pub mod problem;
pub mod reply;
pub mod request;
mod service_time;
mod text;
pub mod trace;
mod trail;

use bytes::Bytes;

pub use chain::Chain;
pub use context::{Context, Lane};
pub use control::Control;
pub use deadline::{Deadline, UnixMillis};
pub use dialect::Dialect;
pub use headers::{Header, Headers};
pub use ids::{CallerId, CorrelationId};
pub use parked::{Parked, ParkedAddress};
pub use principal::Principal;
pub use problem::Problem;
pub use reply::{ReplyHead, ReplyPart, ReplyWriter};
pub use request::{Accepts, Malformed, ReplyAddress, ReplyPartition, RequestHead};
pub use service_time::{HandlerTime, QueueTime};
pub use trace::TraceContext;
pub use trail::Trail;

/// A record's contents: headers, key and payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The headers in wire order.
    pub headers: Headers,
    /// The key that decides partition and order.
    pub key: Option<Bytes>,
    /// The body; `None` is Kafka's null.
    pub payload: Option<Bytes>,
}
