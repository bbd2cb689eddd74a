//! The access log as it is written.

use schemars::JsonSchema;

use super::form::{LineFormat, LogOutput, PeerShown, Sample};

/// One line for each request, once its answer has gone.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct AccessLog {
    /// How a line is written: json, or common, as web servers do. Default: json.
    #[schemars(extend("default" = "json"))]
    format: LineFormat,
    /// Where lines go: stdout, stderr, or the path of a file. Default: stdout.
    #[schemars(extend("default" = "stdout"))]
    output: LogOutput,
    /// The share of requests that get a line. Those that failed get one in any case.
    /// Default: 1.
    #[schemars(extend("default" = 1))]
    sample: Sample,
    /// How much of the client's address is told: full, cut to its network, or none.
    /// Default: full.
    #[schemars(extend("default" = "full"))]
    peer: PeerShown,
    /// Whether the query is told, which often holds what is secret. Default: false.
    #[schemars(extend("default" = false))]
    query: bool,
    /// Whether it is told who has proved who it is, whose name may be that of a person.
    /// Default: false.
    #[schemars(extend("default" = false))]
    principal: bool,
}
