//! Traces as they are written.

use schemars::JsonSchema;

use super::form::{HeaderName, Sample};

/// How requests stand in a trace.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Trace {
    /// Whether a request that belongs to none begins one. Default: false.
    #[schemars(extend("default" = false))]
    begin: bool,
    /// The share of the traces begun here that are said to be recorded. Default: 1.
    #[schemars(extend("default" = 1))]
    sample: Sample,
    /// The header of answers that tells the trace's id. Default: none does.
    answer: HeaderName,
}
