//! Pages of other origins, as they are written.

use schemars::JsonSchema;

use super::form::{Duration, HeaderNames, Methods, Off, Origins};

/// Which pages of other origins may call, or none: as who answers says.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it is only a form")]
pub(super) enum RouteCors {
    Off(Off),
    Own(Box<Cors>),
}

impl Default for RouteCors {
    fn default() -> Self {
        Self::Off(Off)
    }
}

/// Which pages of other origins may call.
#[derive(Default, JsonSchema)]
#[schemars(
    default,
    deny_unknown_fields,
    inline,
    extend(
        "required" = ["origins"],
        "if" = { "properties": { "credentials": { "const": true } }, "required": ["credentials"] },
        "then" = { "properties": { "origins": { "not": { "const": "*" } } } }
    )
)]
pub(super) struct Cors {
    /// The origins, as browsers write them, or * for every one.
    origins: Origins,
    /// The methods they may use. Default: GET, HEAD, POST, PUT, PATCH, DELETE.
    #[schemars(extend("default" = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]))]
    methods: Methods,
    /// The headers they may set. Default: those that they ask for.
    headers: HeaderNames,
    /// The headers of answers that they may read. Default: those that always are.
    expose: HeaderNames,
    /// Whether browsers send cookies along. Default: false.
    #[schemars(extend("default" = false))]
    credentials: bool,
    /// How long a preflight may be remembered. Default: 10m.
    #[schemars(extend("default" = "10m"))]
    max_age: Duration,
}
