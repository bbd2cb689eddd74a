//! The configuration file as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::form::{
    Address, Algorithms, BreakerMode, ClientAuth, ClientHeader, Count, Credentials, Duration,
    Fallback, FilePath, Hash, HeaderName, HeaderNames, HeaderValues, Hundredths, Key, KeyId,
    KeySource, LineFormat, LogOutput, Many, Method, Methods, Mode, Name, Network, NotEmpties,
    NotEmpty, Off, Origin, Origins, Part, Parts, Path, PeerShown, Pointer, Prefix, Probes,
    Property, Rate, Reference, Requests, Rewrite, Sample, Services, Shadowed, Share, Size, Stage,
    Sticky, Text, Tolerance, Word, Words,
};

/// The configuration of ipc-http-shim, an HTTP gateway in front of services on
/// Kafka.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, title = "ipc-http-shim")]
pub(super) struct File {
    /// Whether it stands beside a process and serves that alone, on loopback: everything
    /// below the name of each of services is a route to it. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) sidecar: bool,
    /// Where HTTP clients are served. Default: 0.0.0.0:8080, of a sidecar 127.0.0.1:8080.
    #[schemars(extend("default" = "0.0.0.0:8080"))]
    pub(super) listen: Address,
    /// Where health and metrics are served. Default: 0.0.0.0:9090.
    #[schemars(extend("default" = "0.0.0.0:9090"))]
    pub(super) admin: Address,
    /// The name all instances of this gateway share. Default: shim, of a sidecar sidecar.
    #[schemars(extend("default" = "shim"))]
    pub(super) fleet: Name,
    /// Put before every topic name. Default: nothing.
    pub(super) topic_prefix: Name,
    /// Makes the reply topic with this many partitions where it is missing. Default:
    /// it must exist.
    pub(super) reply_partitions: Count,
    /// Where requests go that no route names, http://host:port or https://host:port.
    /// Default: nowhere.
    pub(super) legacy: Origin,
    /// How long a request may wait for the head of its answer, 250ms, 5s, 2m.
    /// Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(super) timeout: Duration,
    /// How long requests under way may go on after a signal to stop. Default: 25s.
    #[schemars(extend("default" = "25s"))]
    pub(super) drain: Duration,
    /// How long requests go on being accepted after a signal to stop, while readiness is
    /// false already. Default: not at all.
    pub(super) drain_delay: Duration,
    /// librdkafka properties by their own names. Secrets as ${env:NAME} or
    /// ${file:/path}.
    pub(super) kafka: BTreeMap<String, Property>,
    /// How much a client may take, and how long it may take over it.
    pub(super) limits: Limits,
    /// Proxies before this one that say truly for whom a request is: addresses or
    /// networks. Default: none.
    pub(super) trusted_proxies: Vec<Network>,
    /// The header they append clients to. Default: x-forwarded-for.
    #[schemars(extend("default" = "x-forwarded-for"))]
    pub(super) client_header: ClientHeader,
    /// TLS towards HTTP clients. Default: none.
    pub(super) tls: Tls,
    /// How the legacy server is trusted where it is asked over TLS, and what it is
    /// shown. Default: as the system trusts, and nothing.
    pub(super) legacy_tls: LegacyTls,
    /// When requests to a service that fails are no longer sent.
    pub(super) breaker: Breaker,
    /// How requests stand in a trace.
    pub(super) trace: Trace,
    /// One line for each request, once its answer has gone. Default: none.
    pub(super) access_log: AccessLog,
    /// How clients prove who they are.
    pub(super) auth: Auth,
    /// Who is told of every step of a route that moves. Default: nobody.
    pub(super) webhook: Webhook,
    /// Where all replicas count by the same rates. Default: each counts by itself.
    pub(super) shared_rates: SharedRates,
    /// Where and how long the answers can be had of requests that are answered later.
    pub(super) operations: Operations,
    /// Which pages of other origins may call. Default: as who answers says.
    pub(super) cors: Cors,
    /// Headers of every answer that has no other of the same name.
    pub(super) security_headers: HeaderValues,
    /// Which services routes may name, or how their names begin: stock-*. Default: every
    /// one.
    pub(super) services: Services,
    /// Which requests go where.
    pub(super) routes: Vec<Route>,
}

/// Where and how long the answers can be had of requests that are answered later.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Operations {
    /// The path below which every one has a resource of its own. Default: /operations.
    #[schemars(extend("default" = "/operations"))]
    pub(super) path: Prefix,
    /// How long an answer can be had once it is there, and the longest that a service may
    /// take over one. Default: 1h.
    #[schemars(extend("default" = "1h"))]
    pub(super) keep: Duration,
    /// How much memory all of them together may take. Default: 64MiB.
    #[schemars(extend("default" = "64MiB"))]
    pub(super) cache: Size,
}

/// How requests stand in a trace.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Trace {
    /// Whether a request that belongs to none begins one. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) begin: bool,
    /// The share of the traces begun here that are said to be recorded. Default: 1.
    #[schemars(extend("default" = 1))]
    pub(super) sample: Sample,
    /// The header of answers that tells the trace's id. Default: none does.
    pub(super) answer: HeaderName,
}

/// One line for each request, once its answer has gone.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct AccessLog {
    /// How a line is written: json, or common, as web servers do. Default: json.
    #[schemars(extend("default" = "json"))]
    pub(super) format: LineFormat,
    /// Where lines go: stdout, stderr, or the path of a file. Default: stdout.
    #[schemars(extend("default" = "stdout"))]
    pub(super) output: LogOutput,
    /// The share of requests that get a line. Those that failed get one in any case.
    /// Default: 1.
    #[schemars(extend("default" = 1))]
    pub(super) sample: Sample,
    /// How much of the client's address is told: full, cut to its network, or none.
    /// Default: full.
    #[schemars(extend("default" = "full"))]
    pub(super) peer: PeerShown,
    /// Whether the query is told, which often holds what is secret. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) query: bool,
    /// Whether it is told who has proved who it is, whose name may be that of a person.
    /// Default: false.
    #[schemars(extend("default" = false))]
    pub(super) principal: bool,
}

/// TLS towards HTTP clients.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline, extend("required" = ["certificate", "key"]))]
pub(super) struct Tls {
    /// The file with the certificate as PEM, followed by those between it and the
    /// authority.
    pub(super) certificate: FilePath,
    /// The file with its private key as PEM.
    pub(super) key: FilePath,
    /// The file with the authorities of client certificates as PEM. Default: clients
    /// are asked for none.
    pub(super) client_ca: FilePath,
    /// Whether a client without a certificate gets a connection all the same: required,
    /// or optional. Default: required.
    #[schemars(extend("default" = "required"))]
    pub(super) client_auth: ClientAuth,
    /// How long a handshake may take. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    pub(super) handshake_timeout: Duration,
    /// How many handshakes may be under way at once. Default: 256.
    #[schemars(extend("default" = 256))]
    pub(super) handshakes: Count,
}

/// TLS towards the legacy server.
#[derive(Default, JsonSchema)]
#[schemars(
    default,
    deny_unknown_fields,
    inline,
    extend("dependencies" = { "certificate": ["key"], "key": ["certificate"] })
)]
pub(super) struct LegacyTls {
    /// The file with the authorities that are trusted as PEM. Default: those that the
    /// system trusts.
    pub(super) ca: FilePath,
    /// The file with the certificate that is shown as PEM. Default: none is.
    pub(super) certificate: FilePath,
    /// The file with its private key as PEM.
    pub(super) key: FilePath,
}

/// How much a client may take, and how long it may take over it.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Limits {
    /// A request body on its way to Kafka. Default: 32MiB.
    #[schemars(extend("default" = "32MiB"))]
    pub(super) body: Size,
    /// Names and values of all headers of a request. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    pub(super) header_bytes: Size,
    /// Headers of a request. Default: 100.
    #[schemars(extend("default" = 100))]
    pub(super) header_count: Count,
    /// Path and query of a request, at most 65534 bytes. Default: 16KiB.
    #[schemars(extend("default" = "16KiB"))]
    pub(super) url: Size,
    /// Connections. Default: 16384.
    #[schemars(extend("default" = 16384))]
    pub(super) connections: Many,
    /// Connections of one address, or of one IPv6 network of 64 bits. Default: as many
    /// as there may be.
    pub(super) connections_per_address: Many,
    /// Requests under way at once on one HTTP/2 connection. Default: 200.
    #[schemars(extend("default" = 200))]
    pub(super) streams: Count,
    /// From a connection's begin to the whole head of its first request. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(super) header_timeout: Duration,
    /// From the end of an answer to the whole head of the next request. Default: 75s.
    #[schemars(extend("default" = "75s"))]
    pub(super) idle_timeout: Duration,
    /// How long a client may fall silent within a body. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(super) body_timeout: Duration,
    /// Bytes a second that a body must come with in the long run. Default: 1KiB.
    #[schemars(extend("default" = "1KiB"))]
    pub(super) body_rate: Size,
    /// Requests of all routes. Default: without bound.
    pub(super) rate: Rates,
    /// Learns how many requests to each service may be under way. Default: it does not.
    pub(super) concurrency: Concurrency,
    /// How much of its time a request may be expected to wait in the queue of its
    /// service. Default: 50%.
    #[schemars(extend("default" = "50%"))]
    pub(super) queue_share: Hundredths,
    /// Streams that are kept for clients that come back. Default: 1024.
    #[schemars(extend("default" = 1024))]
    pub(super) kept_streams: Many,
    /// Events that are kept of each, and one at least. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    pub(super) kept_events: Size,
    /// All answers that are kept to be given again. Default: 32MiB.
    #[schemars(extend("default" = "32MiB"))]
    pub(super) cache: Size,
    /// The largest of them. Default: 256KiB.
    #[schemars(extend("default" = "256KiB"))]
    pub(super) cached_answer: Size,
}

/// Between which bounds it is learned how many requests to a service may be under way.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Concurrency {
    /// How many at first. Default: 100.
    #[schemars(extend("default" = 100))]
    pub(super) initial: Many,
    /// How many at least. Default: 10.
    #[schemars(extend("default" = 10))]
    pub(super) min: Many,
    /// How many at most. Default: 1000.
    #[schemars(extend("default" = 1000))]
    pub(super) max: Many,
}

/// How many requests are taken in how much time: 100/s, 30/m, 100/s burst 500.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Rates {
    /// Of all of them together.
    pub(super) total: Rate,
    /// Of each client's address, or of each IPv6 network of 64 bits.
    pub(super) address: Rate,
    /// Of each client that has proved who it is, from whatever addresses.
    pub(super) principal: Rate,
}

/// How clients prove who they are.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Auth {
    /// What a route takes that does not say, and what requests take that no route names.
    /// Default: none, anybody may call.
    #[schemars(extend("default" = "none"))]
    pub(super) default: Credentials,
    /// Whose tokens are taken.
    pub(super) issuers: Vec<Issuer>,
    /// Which API keys are taken.
    pub(super) api_keys: Vec<ApiKey>,
    /// Which client certificates are taken.
    pub(super) certificates: Vec<KnownCertificate>,
    /// The header that an API key stands in. Default: x-api-key.
    #[schemars(extend("default" = "x-api-key"))]
    pub(super) api_key_header: HeaderName,
    /// Whether an API key goes on to who answers. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) forward_api_key: bool,
    /// Whether a token goes on to who answers. Default: true.
    #[schemars(extend("default" = true))]
    pub(super) forward_authorization: bool,
    /// With which key services are told who calls. Default: they are not told.
    pub(super) sign: Sign,
    /// How many tokens are remembered once they are verified. Default: 10000.
    #[schemars(extend("default" = 10_000))]
    pub(super) remembered_tokens: Requests,
}

/// A key with which services are told who calls.
#[derive(Default, JsonSchema)]
#[schemars(
    default,
    deny_unknown_fields,
    extend(
        "required" = ["id"],
        "oneOf" = [{ "required": ["ed25519"] }, { "required": ["hmac"] }]
    )
)]
pub(super) struct Sign {
    /// What services find their half of it by.
    pub(super) id: KeyId,
    /// A private key in PEM, as ${file:/path} or ${env:NAME}.
    pub(super) ed25519: Reference,
    /// A secret of at least 32 bytes that services share, as ${file:/path} or ${env:NAME}.
    pub(super) hmac: Reference,
}

/// An issuer whose tokens are taken.
#[derive(Default, JsonSchema)]
#[schemars(
    default,
    deny_unknown_fields,
    extend("required" = ["issuer", "audience", "jwks"])
)]
pub(super) struct Issuer {
    /// What its tokens call it in iss, letter by letter.
    pub(super) issuer: NotEmpty,
    /// Whom its tokens must be for: one of these stands in aud.
    pub(super) audience: NotEmpties,
    /// Where it shows its keys: https://host/path, or a file.
    pub(super) jwks: KeySource,
    /// A file of certificates to trust there. Default: those that the system trusts.
    pub(super) ca: Text,
    /// How it may sign. Default: RS256, ES256, EdDSA.
    #[schemars(extend("default" = ["RS256", "ES256", "EdDSA"]))]
    pub(super) algorithms: Algorithms,
    /// By how much its clock may differ. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(super) skew: Duration,
    /// After how long its keys are fetched anew. Default: 10m.
    #[schemars(extend("default" = "10m"))]
    pub(super) refresh: Duration,
    /// Between two fetches at least. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(super) floor: Duration,
}

/// A client certificate that is taken, where the handshake has verified it.
#[derive(Default, JsonSchema)]
#[schemars(
    default,
    deny_unknown_fields,
    extend(
        "required" = ["name"],
        "oneOf" = [
            { "required": ["uri"] },
            { "required": ["dns"] },
            { "required": ["email"] },
            { "required": ["common_name"] }
        ]
    )
)]
pub(super) struct KnownCertificate {
    /// Who has it.
    pub(super) name: Word,
    /// A URI it is for: the SPIFFE id of a workload.
    pub(super) uri: NotEmpty,
    /// A DNS name it is for.
    pub(super) dns: NotEmpty,
    /// A mail address it is for.
    pub(super) email: NotEmpty,
    /// The common name of its subject.
    pub(super) common_name: NotEmpty,
    /// What its client may do.
    pub(super) scopes: Words,
}

/// An API key that is taken. `ipc-http-shim api-key NAME` makes one.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["name", "sha256"]))]
pub(super) struct ApiKey {
    /// Who has it.
    pub(super) name: Word,
    /// The SHA-256 of the key.
    pub(super) sha256: Hash,
    /// What it may do.
    pub(super) scopes: Words,
}

/// How the WebSockets of a route are spoken.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct WebSocket {
    /// The path that each message of a client is sent to, with parameters of the route's.
    /// Default: none is taken.
    pub(super) messages: Rewrite,
    /// One message of a client. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    pub(super) message_bytes: Size,
    /// How often a client is asked whether it is still there. Default: 20s.
    #[schemars(extend("default" = "20s"))]
    pub(super) ping: Duration,
    /// How long one may last. Default: without bound.
    pub(super) lifetime: Duration,
}

/// Who is told of every step of a route that moves: one POST for each, with a
/// CloudEvent in JSON.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["url"]))]
pub(super) struct Webhook {
    /// Where it is told. A secret in it as ${env:NAME} or ${file:/path}.
    pub(super) url: Text,
    /// Headers of its requests: a credential, as ${env:NAME} or ${file:/path}.
    pub(super) headers: HeaderValues,
}

/// A Redis in which all replicas of the gateway count together.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["redis"]))]
pub(super) struct SharedRates {
    /// Its address: redis://[[user]:password@]host[:port][/database]. A secret in it as
    /// ${env:NAME} or ${file:/path}.
    pub(super) redis: Text,
    /// What the names of all keys begin with, before a colon. Default: ipc:rate.
    #[schemars(extend("default" = "ipc:rate"))]
    pub(super) prefix: Text,
    /// How long it may take to answer, before a replica counts a request by itself.
    /// Default: 50ms.
    #[schemars(extend("default" = "50ms"))]
    pub(super) within: Duration,
}

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
    pub(super) method: Method,
    /// The methods it takes. Default: every one.
    #[schemars(length(min = 1))]
    pub(super) methods: Vec<Method>,
    /// The paths it takes: /orders/{id}, /files/{*rest}.
    pub(super) path: Path,
    /// The service it goes to; its requests are on the topic <service>.requests.
    pub(super) service: Name,
    /// call: one reply. one_way: 202 once the broker has it. accepted: the same, and the
    /// reply can be asked for. stream: many replies, as server-sent events, lines or bytes.
    /// websocket: the same as messages, and each of the client's is sent, too. aggregate: the
    /// answers of several routes as one document. legacy: to the legacy server.
    /// Default: call.
    #[schemars(extend("default" = "call"))]
    pub(super) mode: Mode,
    /// How long a request may wait for the head of its answer. Default: the
    /// gateway's.
    pub(super) timeout: Duration,
    /// How long its service may take over a request that is answered later. Default: as
    /// long as answers are kept.
    pub(super) within: Duration,
    /// Whether a client of a call may say how long it waits, by Prefer: respond-async,
    /// wait=10. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) prefer: bool,
    /// Whether what the service of a call answers after the timeout can be asked for.
    /// Default: false.
    #[schemars(extend("default" = false))]
    pub(super) late_replies: bool,
    /// Whether answers to its calls are given again, as they say in Cache-Control.
    /// Default: false.
    #[schemars(extend("default" = false))]
    pub(super) cache: bool,
    /// How long a stream whose client has gone waits for it to come back with the id of
    /// its last event. Default: not at all.
    pub(super) resume: Duration,
    /// How its WebSockets are spoken.
    pub(super) websocket: WebSocket,
    /// What an aggregate is made of: the members of its document, and the paths of this
    /// gateway that each is asked for at, with parameters of the route's.
    pub(super) parts: Parts,
    /// Those of them without which there is no document. Default: any will do.
    pub(super) required: Vec<Text>,
    /// What decides the record's key: {id} a path parameter, header:name a header,
    /// none. Default: for GET, HEAD and OPTIONS nothing, else the path's single
    /// parameter, else the header idempotency-key.
    pub(super) key: Key,
    /// The path that is sent on, with parameters of the route's: /v2/orders/{id}.
    /// Default: as it came.
    pub(super) rewrite: Rewrite,
    /// What becomes of a request's headers.
    pub(super) request_headers: HeaderChanges,
    /// What becomes of the headers of every answer.
    pub(super) response_headers: HeaderChanges,
    /// How it moves from the legacy server to its service. Default: it does not.
    pub(super) migration: Migration,
    /// How many requests are taken in how much time. Default: without bound.
    pub(super) rate: Rates,
    /// How many requests may be under way. Default: without bound.
    pub(super) in_flight: Many,
    /// How long one more waits for one of these to end. Default: not at all.
    pub(super) in_flight_wait: Duration,
    /// When requests to its service are no longer sent. Default: as the gateway says.
    pub(super) breaker: Breaker,
    /// How its clients prove who they are: none, or any of several ways. Default: the
    /// gateway's.
    pub(super) auth: Credentials,
    /// What its clients must be allowed, all of these. Default: nothing.
    pub(super) scopes: Words,
    /// Which pages of other origins may call it. Default: as the gateway says.
    pub(super) cors: RouteCors,
}

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
    pub(super) origins: Origins,
    /// The methods they may use. Default: GET, HEAD, POST, PUT, PATCH, DELETE.
    #[schemars(extend("default" = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]))]
    pub(super) methods: Methods,
    /// The headers they may set. Default: those that they ask for.
    pub(super) headers: HeaderNames,
    /// The headers of answers that they may read. Default: those that always are.
    pub(super) expose: HeaderNames,
    /// Whether browsers send cookies along. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) credentials: bool,
    /// How long a preflight may be remembered. Default: 10m.
    #[schemars(extend("default" = "10m"))]
    pub(super) max_age: Duration,
}

/// When requests to a service that fails are no longer sent.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Breaker {
    /// on: it refuses requests. observe: it refuses none, and counts what it would have
    /// refused. off: there is none. Default: observe.
    #[schemars(extend("default" = "observe"))]
    pub(super) mode: BreakerMode,
    /// How far back requests are weighed, a second or more. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    pub(super) window: Duration,
    /// The share of requests that fail and open it. Default: 50%.
    #[schemars(extend("default" = "50%"))]
    pub(super) failures: Part,
    /// How many failures in a row open it. Default: 10.
    #[schemars(extend("default" = 10))]
    pub(super) consecutive: Count,
    /// For how long requests must be slow, or without any answer, before that counts; at
    /// most seven tenths of the window. Default: six tenths of it.
    pub(super) patience: Duration,
    /// From when on an answer is slow. Default: half of the route's timeout.
    pub(super) slow: Duration,
    /// The share of slow answers that opens it. Default: 80%.
    #[schemars(extend("default" = "80%"))]
    pub(super) slow_answers: Part,
    /// How long it is open at least; up to four times as long, by chance. Default: 5s.
    #[schemars(extend("default" = "5s"))]
    pub(super) open: Duration,
    /// How many requests pass as probes. Default: 1.
    #[schemars(extend("default" = 1))]
    pub(super) probes: Probes,
}

/// How a route moves from the legacy server to its service.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Migration {
    /// What `ipc migrate` calls the route. Default: its methods and path.
    pub(super) name: Text,
    /// The stages it passes, from less to more on Kafka. It begins at the first, and
    /// goes back to it. Default: shadow, 10%, 50%, kafka.
    #[schemars(
        length(min = 1),
        extend("uniqueItems" = true, "default" = ["shadow", "10%", "50%", "kafka"])
    )]
    pub(super) steps: Vec<Stage>,
    /// Goes on, and back, by itself. Default: false.
    #[schemars(extend("default" = false))]
    pub(super) automatic: bool,
    /// How many requests are judged at least. Default: 1000.
    #[schemars(extend("default" = 1000))]
    pub(super) requests: Requests,
    /// How far back is judged, and how long a stage lasts at least. Default: 5m.
    #[schemars(extend("default" = "5m"))]
    pub(super) over: Duration,
    /// The share of compared answers that may differ. Default: 0%.
    #[schemars(extend("default" = "0%"))]
    pub(super) differences: Share,
    /// The share of requests to the service that may fail. Default: 1%.
    #[schemars(extend("default" = "1%"))]
    pub(super) errors: Share,
    /// 99 of 100 of the service's answers come within this. Default: 1s.
    #[schemars(extend("default" = "1s"))]
    pub(super) p99: Duration,
    /// What decides for a request without a key: header:name, cookie:name, or client,
    /// its address. Default: client.
    #[schemars(extend("default" = "client"))]
    pub(super) sticky: Sticky,
    /// legacy: the legacy server answers what the service did not, where that can do no
    /// harm. Default: nobody does.
    pub(super) fallback: Fallback,
    /// Which methods are copied: safe ones, or every, where the handlers heed shadows.
    /// Default: safe.
    #[schemars(extend("default" = "safe"))]
    pub(super) shadow: Shadowed,
    /// How answers are compared.
    pub(super) compare: Compare,
}

/// How the answers of the legacy server and of the service are compared.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct Compare {
    /// Headers that must be equal. Default: content-type.
    #[schemars(extend("default" = ["content-type"]))]
    pub(super) headers: Vec<HeaderName>,
    /// Places of a JSON document that may differ: /items/*/seen. Default: none.
    pub(super) ignore: Vec<Pointer>,
    /// Places of a JSON document whose values samples show. Default: none.
    pub(super) show: Vec<Pointer>,
    /// By how much two JSON numbers may differ. Default: 0.
    #[schemars(extend("default" = 0))]
    pub(super) tolerance: Tolerance,
    /// Requests that are larger are not copied, answers that are larger not compared.
    /// Default: 1MiB.
    #[schemars(extend("default" = "1MiB"))]
    pub(super) body: Size,
}

/// What becomes of headers: removed first, then set, then added.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub(super) struct HeaderChanges {
    /// Headers that replace all of their name.
    pub(super) set: HeaderValues,
    /// Headers that come beside those of their name.
    pub(super) add: HeaderValues,
    /// Headers that do not go on.
    pub(super) remove: Vec<HeaderName>,
}
