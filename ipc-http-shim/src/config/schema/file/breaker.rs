//! Breakers as they are written.

use schemars::JsonSchema;

use super::form::{BreakerMode, Count, Duration, Part, Probes};

/// When requests to a service that fails are no longer sent.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Breaker {
    /// on: it refuses requests. observe: it refuses none, and counts what it would have
    /// refused. off: there is none. Default: observe.
    #[schemars(extend("default" = "observe"))]
    mode: BreakerMode,
    /// How far back requests are weighed, a second or more. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    window: Duration,
    /// The share of requests that fail and open it. Default: 50%.
    #[schemars(extend("default" = "50%"))]
    failures: Part,
    /// How many failures in a row open it. Default: 10.
    #[schemars(extend("default" = 10))]
    consecutive: Count,
    /// For how long requests must be slow, or without any answer, before that counts; at
    /// most seven tenths of the window. Default: six tenths of it.
    patience: Duration,
    /// From when on an answer is slow. Default: half of the route's timeout.
    slow: Duration,
    /// The share of slow answers that opens it. Default: 80%.
    #[schemars(extend("default" = "80%"))]
    slow_answers: Part,
    /// How long it is open at least; up to four times as long, by chance. Default: 5s.
    #[schemars(extend("default" = "5s"))]
    open: Duration,
    /// How many requests pass as probes. Default: 1.
    #[schemars(extend("default" = 1))]
    probes: Probes,
}
