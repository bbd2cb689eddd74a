//! A route as it is written.

use schemars::JsonSchema;

use super::breaker::Breaker;
use super::cors::RouteCors;
use super::form::{
    Credentials, Duration, HeaderName, HeaderValues, Key, Many, Method, Mode, Name, Parts, Path,
    Rewrite, Size, Text, Words,
};
use super::limits::Rates;
use super::migration::Migration;

/// Sends some requests somewhere.
#[derive(Default, JsonSchema)]
#[schemars(
    default,
    deny_unknown_fields,
    extend(
        "required" = ["path"],
        "not" = { "required": ["method", "methods"] },
        "dependencies" = { "in_flight_wait": ["in_flight"] },
        "if" = { "properties": { "mode": { "enum": ["legacy", "aggregate"] } }, "required": ["mode"] },
        "then" = { "properties": { "service": false, "key": false, "migration": false, "breaker": false } },
        "else" = { "required": ["service"] },
        "allOf" = [{
            "if": { "properties": { "mode": { "const": "aggregate" } }, "required": ["mode"] },
            "then": {
                "required": ["parts"],
                "properties": {
                    "method": { "const": "GET" },
                    "methods": { "const": ["GET"] },
                    "cache": false,
                    "rewrite": false,
                    "request_headers": false
                },
                "anyOf": [{ "required": ["method"] }, { "required": ["methods"] }]
            },
            "else": { "properties": { "parts": false, "required": false } }
        }, {
            "if": {
                "properties": { "mode": { "enum": ["stream", "websocket", "accepted"] } },
                "required": ["mode", "migration"]
            },
            "then": {
                "properties": {
                    "migration": {
                        "required": ["steps"],
                        "properties": { "steps": { "not": { "contains": { "const": "shadow" } } } }
                    }
                }
            }
        }]
    )
)]
pub(super) struct Route {
    /// The method it takes. Default: every one. GET takes HEAD along.
    method: Method,
    /// The methods it takes. Default: every one.
    #[schemars(length(min = 1))]
    methods: Vec<Method>,
    /// The paths it takes: /orders/{id}, /files/{*rest}.
    path: Path,
    /// The service it goes to; its requests are on the topic <service>.requests.
    service: Name,
    /// call: one reply. one_way: 202 once the broker has it. accepted: the same, and the
    /// reply can be asked for. stream: many replies, as server-sent events, lines or bytes.
    /// websocket: the same as messages, and each of the client's is sent, too. aggregate: the
    /// answers of several routes as one document. legacy: to the legacy server.
    /// Default: call.
    #[schemars(extend("default" = "call"))]
    mode: Mode,
    /// How long a request may wait for the head of its answer. Default: the
    /// gateway's.
    timeout: Duration,
    /// How long its service may take over a request that is answered later. Default: as
    /// long as answers are kept.
    within: Duration,
    /// Whether a client of a call may say how long it waits, by Prefer: respond-async,
    /// wait=10. Default: false.
    #[schemars(extend("default" = false))]
    prefer: bool,
    /// Whether what the service of a call answers after the timeout can be asked for.
    /// Default: false.
    #[schemars(extend("default" = false))]
    late_replies: bool,
    /// Whether answers to its calls are given again, as they say in Cache-Control.
    /// Default: false.
    #[schemars(extend("default" = false))]
    cache: bool,
    /// How long a stream whose client has gone waits for it to come back with the id of
    /// its last event. Default: not at all.
    resume: Duration,
    /// How its WebSockets are spoken.
    websocket: WebSocket,
    /// What an aggregate is made of: the members of its document, and the paths of this
    /// gateway that each is asked for at, with parameters of the route's.
    parts: Parts,
    /// Those of them without which there is no document. Default: any will do.
    required: Vec<Text>,
    /// What decides the record's key: {id} a path parameter, header:name a header,
    /// none. Default: for GET, HEAD and OPTIONS nothing, else the path's single
    /// parameter, else the header idempotency-key.
    key: Key,
    /// The path that is sent on, with parameters of the route's: /v2/orders/{id}.
    /// Default: as it came.
    rewrite: Rewrite,
    /// What becomes of a request's headers.
    request_headers: HeaderChanges,
    /// What becomes of the headers of every answer.
    response_headers: HeaderChanges,
    /// How it moves from the legacy server to its service. Default: it does not.
    migration: Migration,
    /// How many requests are taken in how much time. Default: without bound.
    rate: Rates,
    /// How many requests may be under way. Default: without bound.
    in_flight: Many,
    /// How long one more waits for one of these to end. Default: not at all.
    in_flight_wait: Duration,
    /// When requests to its service are no longer sent. Default: as the gateway says.
    breaker: Breaker,
    /// How its clients prove who they are: none, or any of several ways. Default: the
    /// gateway's.
    auth: Credentials,
    /// What its clients must be allowed, all of these. Default: nothing.
    scopes: Words,
    /// Which pages of other origins may call it. Default: as the gateway says.
    cors: RouteCors,
}

/// How the WebSockets of a route are spoken.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct WebSocket {
    /// The path that each message of a client is sent to, with parameters of the route's.
    /// Default: none is taken.
    messages: Rewrite,
    /// One message of a client. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    message_bytes: Size,
    /// How often a client is asked whether it is still there. Default: 20s.
    #[schemars(extend("default" = "20s"))]
    ping: Duration,
    /// How long one may last. Default: without bound.
    lifetime: Duration,
}

/// What becomes of headers: removed first, then set, then added.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct HeaderChanges {
    /// Headers that replace all of their name.
    set: HeaderValues,
    /// Headers that come beside those of their name.
    add: HeaderValues,
    /// Headers that do not go on.
    remove: Vec<HeaderName>,
}
