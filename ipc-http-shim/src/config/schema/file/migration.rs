//! How a route moves, as it is written.

use schemars::JsonSchema;

use super::form::{
    Duration, Fallback, HeaderName, HeaderValues, Pointer, Requests, Shadowed, Share, Size, Stage,
    Sticky, Text, Tolerance,
};

/// How a route moves from the legacy server to its service.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Migration {
    /// What `ipc migrate` calls the route. Default: its methods and path.
    name: Text,
    /// The stages it passes, from less to more on Kafka. It begins at the first, and
    /// goes back to it. Default: shadow, 10%, 50%, kafka.
    #[schemars(
        length(min = 1),
        extend("uniqueItems" = true, "default" = ["shadow", "10%", "50%", "kafka"])
    )]
    steps: Vec<Stage>,
    /// Goes on, and back, by itself. Default: false.
    #[schemars(extend("default" = false))]
    automatic: bool,
    /// How many requests are judged at least. Default: 1000.
    #[schemars(extend("default" = 1000))]
    requests: Requests,
    /// How far back is judged, and how long a stage lasts at least. Default: 5m.
    #[schemars(extend("default" = "5m"))]
    over: Duration,
    /// The share of compared answers that may differ. Default: 0%.
    #[schemars(extend("default" = "0%"))]
    differences: Share,
    /// The share of requests to the service that may fail. Default: 1%.
    #[schemars(extend("default" = "1%"))]
    errors: Share,
    /// 99 of 100 of the service's answers come within this. Default: 1s.
    #[schemars(extend("default" = "1s"))]
    p99: Duration,
    /// What decides for a request without a key: header:name, cookie:name, or client,
    /// its address. Default: client.
    #[schemars(extend("default" = "client"))]
    sticky: Sticky,
    /// legacy: the legacy server answers what the service did not, where that can do no
    /// harm. Default: nobody does.
    fallback: Fallback,
    /// Which methods are copied: safe ones, or every, where the handlers heed shadows.
    /// Default: safe.
    #[schemars(extend("default" = "safe"))]
    shadow: Shadowed,
    /// How answers are compared.
    compare: Compare,
}

/// How the answers of the legacy server and of the service are compared.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Compare {
    /// Headers that must be equal. Default: content-type.
    #[schemars(extend("default" = ["content-type"]))]
    headers: Vec<HeaderName>,
    /// Places of a JSON document that may differ: /items/*/seen. Default: none.
    ignore: Vec<Pointer>,
    /// Places of a JSON document whose values samples show. Default: none.
    show: Vec<Pointer>,
    /// By how much two JSON numbers may differ. Default: 0.
    #[schemars(extend("default" = 0))]
    tolerance: Tolerance,
    /// Requests that are larger are not copied, answers that are larger not compared.
    /// Default: 1MiB.
    #[schemars(extend("default" = "1MiB"))]
    body: Size,
}

/// Who is told of every step of a route that moves: one POST for each, with a
/// CloudEvent in JSON.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["url"]))]
pub(super) struct Webhook {
    /// Where it is told. A secret in it as ${env:NAME} or ${file:/path}.
    url: Text,
    /// Headers of its requests: a credential, as ${env:NAME} or ${file:/path}.
    headers: HeaderValues,
}
