//! Limits and rates as they are written.

use schemars::JsonSchema;

use super::form::{Count, Duration, Hundredths, Many, Rate, Size, Text};

/// How much a client may take, and how long it may take over it.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Limits {
    /// A request body on its way to Kafka. Default: 32MiB.
    #[schemars(extend("default" = "32MiB"))]
    body: Size,
    /// Names and values of all headers of a request. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    header_bytes: Size,
    /// Headers of a request. Default: 100.
    #[schemars(extend("default" = 100))]
    header_count: Count,
    /// Path and query of a request, at most 65534 bytes. Default: 16KiB.
    #[schemars(extend("default" = "16KiB"))]
    url: Size,
    /// Connections. Default: 16384.
    #[schemars(extend("default" = 16384))]
    connections: Many,
    /// Connections of one address, or of one IPv6 network of 64 bits. Default: as many
    /// as there may be.
    connections_per_address: Many,
    /// Requests under way at once on one HTTP/2 connection. Default: 200.
    #[schemars(extend("default" = 200))]
    streams: Count,
    /// From a connection's begin to the whole head of its first request. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    header_timeout: Duration,
    /// From the end of an answer to the whole head of the next request. Default: 75s.
    #[schemars(extend("default" = "75s"))]
    idle_timeout: Duration,
    /// How long a client may fall silent within a body. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    body_timeout: Duration,
    /// Bytes a second that a body must come with in the long run. Default: 1KiB.
    #[schemars(extend("default" = "1KiB"))]
    body_rate: Size,
    /// Requests of all routes. Default: without bound.
    rate: Rates,
    /// Learns how many requests to each service may be under way. Default: it does not.
    concurrency: Concurrency,
    /// How much of its time a request may be expected to wait in the queue of its
    /// service. Default: 50%.
    #[schemars(extend("default" = "50%"))]
    queue_share: Hundredths,
    /// Streams that are kept for clients that come back. Default: 1024.
    #[schemars(extend("default" = 1024))]
    kept_streams: Many,
    /// Events that are kept of each, and one at least. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    kept_events: Size,
    /// All answers that are kept to be given again. Default: 32MiB.
    #[schemars(extend("default" = "32MiB"))]
    cache: Size,
    /// The largest of them. Default: 256KiB.
    #[schemars(extend("default" = "256KiB"))]
    cached_answer: Size,
}

/// Between which bounds it is learned how many requests to a service may be under way.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Concurrency {
    /// How many at first. Default: 100.
    #[schemars(extend("default" = 100))]
    initial: Many,
    /// How many at least. Default: 10.
    #[schemars(extend("default" = 10))]
    min: Many,
    /// How many at most. Default: 1000.
    #[schemars(extend("default" = 1000))]
    max: Many,
}

/// How many requests are taken in how much time: 100/s, 30/m, 100/s burst 500.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Rates {
    /// Of all of them together.
    total: Rate,
    /// Of each client's address, or of each IPv6 network of 64 bits.
    address: Rate,
    /// Of each client that has proved who it is, from whatever addresses.
    principal: Rate,
}

/// A Redis in which all replicas of the gateway count together.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["redis"]))]
pub(super) struct SharedRates {
    /// Its address: redis://[[user]:password@]host[:port][/database]. A secret in it as
    /// ${env:NAME} or ${file:/path}.
    redis: Text,
    /// What the names of all keys begin with, before a colon. Default: ipc:rate.
    #[schemars(extend("default" = "ipc:rate"))]
    prefix: Text,
    /// How long it may take to answer, before a replica counts a request by itself.
    /// Default: 50ms.
    #[schemars(extend("default" = "50ms"))]
    within: Duration,
}
