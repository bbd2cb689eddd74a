//! What stands between dispatch and a handler, as tower layers.
//!
//! # Order
//!
//! From the outside in: dead letter, retry, guard, trace, dedup, watch, metrics,
//! then the layers of the service's author, then the handler. A dead letter is thus
//! written for whatever any layer gives up, a timeout is an attempt like any other,
//! no layer sees a record that must not be handled, what the author's layers log
//! stands in the delivery's span, and a request that is answered from a store counts
//! as no run of its handler.

mod dead_letter;
mod dedup;
mod guard;
mod metrics;
mod retry;
#[cfg(test)]
mod tests;
mod trace;
mod watch;

pub use dead_letter::{DeadLetter, DeadLetterFuture, DeadLetterLayer};
pub use dedup::{Dedup, DedupFuture, DedupLayer};
pub use guard::{Guard, GuardFuture, GuardLayer};
pub use metrics::{Measure, MeasureFuture, MetricsLayer};
pub use retry::{Retry, RetryFuture, RetryLayer};
pub use trace::{Trace, TraceFuture, TraceLayer};
pub use watch::{Watch, WatchFuture, WatchLayer};
