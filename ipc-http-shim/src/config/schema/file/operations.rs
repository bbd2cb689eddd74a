//! Requests that are answered later, as they are written.

use schemars::JsonSchema;

use super::form::{Duration, Prefix, Size};

/// Where and how long the answers can be had of requests that are answered later.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Operations {
    /// The path below which every one has a resource of its own. Default: /operations.
    #[schemars(extend("default" = "/operations"))]
    path: Prefix,
    /// How long an answer can be had once it is there, and the longest that a service may
    /// take over one. Default: 1h.
    #[schemars(extend("default" = "1h"))]
    keep: Duration,
    /// How much memory all of them together may take. Default: 64MiB.
    #[schemars(extend("default" = "64MiB"))]
    cache: Size,
}
