//! The forms a single value can have, as a schema says them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Declares a form: its name, and its schema.
macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident = $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

forms! {
    /// An IP address with a port.
    Address = { "type": "string", "pattern": "^(\\d+\\.\\d+\\.\\d+\\.\\d+|\\[[0-9a-fA-F:.]+\\]):\\d+$" };
    /// The start of a topic's name.
    Name = { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,200}$" };
    /// The origin of an HTTP server.
    Origin = { "type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://[^/?#@\\s]+/?$" };
    /// A number with its unit, once or more.
    Duration = { "type": "string", "pattern": "^\\s*(\\d+\\s*[a-zA-Zµ]+\\s*)+$" };
    /// Bytes, or a number with its unit.
    Size = {
        "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^\\s*\\d+(\\.\\d+)?\\s*([kKmMgGtTpPeE]?[iI]?[bB]?)\\s*$" }
        ]
    };
    /// A number of things.
    Count = { "type": "integer", "minimum": 1, "maximum": 65535 };
    /// A larger number of things.
    Many = { "type": "integer", "minimum": 1, "maximum": 1000000 };
    /// Requests in a second, a minute or an hour, and how many of them at once.
    Rate = { "type": "string", "pattern": "^0*[1-9]\\d{0,8}/[smh]( burst 0*[1-9]\\d{0,8})?$" };
    /// A percentage.
    Hundredths = { "type": "string", "pattern": "^(100|[1-9][0-9]?)%$" };
    /// An address, or a network of them.
    Network = { "type": "string", "pattern": "^([0-9.]+|[0-9a-fA-F:.]+)(/\\d{1,3})?$" };
    /// The header that trusted proxies append clients to.
    ClientHeader = { "enum": ["x-forwarded-for", "forwarded"] };
    /// A path in axum's syntax.
    Path = { "type": "string", "pattern": "^/" };
    /// A path that others begin with.
    Prefix = {
        "type": "string",
        "pattern": "^(/[A-Za-z0-9._~-]+)+$",
        "not": { "pattern": "/\\.{1,2}(/|$)" }
    };
    /// A method, in upper case.
    Method = { "type": "string", "pattern": "^[-!#$%&'*+.^_`|~0-9A-Z]+$", "not": { "const": "CONNECT" } };
    /// What decides a record's key.
    Key = { "type": "string", "pattern": "^(none|\\{[^{}]+\\}|header:[-!#$%&'*+.^_`|~0-9A-Za-z]+)$" };
    /// A path with parameters of the route's, without a query.
    Rewrite = { "type": "string", "pattern": "^/[^?# ]*$" };
    /// How a service answers, or `legacy`.
    Mode = { "enum": ["call", "one_way", "accepted", "stream", "websocket", "aggregate", "legacy"] };
    /// Headers and their values.
    HeaderValues = {
        "type": "object",
        "propertyNames": { "pattern": "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$" },
        "additionalProperties": { "type": ["string", "number", "boolean"] }
    };
    /// What a part is called, and the path that it is asked for at.
    Parts = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 32,
        "propertyNames": { "not": { "const": "missing" } },
        "additionalProperties": { "type": "string", "pattern": "^/[^?# ]*$" }
    };
    /// Any text.
    Text = { "type": "string" };
    /// How far a route has moved.
    Stage = { "type": "string", "pattern": "^(legacy|shadow|[1-9][0-9]?%|kafka)$" };
    /// A number of requests.
    Requests = { "type": "integer", "minimum": 1 };
    /// A share of requests.
    Share = { "type": "string", "pattern": "^(100(\\.0+)?|\\d{1,2}(\\.\\d+)?)%$" };
    /// A share of requests: some, and not all.
    Part = {
        "type": "string",
        "pattern": "^\\d{1,2}(\\.\\d+)?%$",
        "not": { "pattern": "^0+(\\.0+)?%$" }
    };
    /// Whether a breaker acts.
    BreakerMode = { "enum": ["on", "observe", "off"] };
    /// A number of probes.
    Probes = { "type": "integer", "minimum": 1, "maximum": 100 };
    /// What tells clients apart.
    Sticky = { "type": "string", "pattern": "^(client|header:[-!#$%&'*+.^_`|~0-9A-Za-z]+|cookie:.+)$" };
    /// Who answers what a service did not.
    Fallback = { "enum": ["legacy"] };
    /// Which methods are copied.
    Shadowed = { "enum": ["safe", "every"] };
    /// Places in a JSON document.
    Pointer = { "type": "string", "pattern": "^/" };
    /// By how much numbers may differ.
    Tolerance = { "type": "number", "minimum": 0 };
    /// Where a file is.
    FilePath = { "type": "string", "minLength": 1, "not": { "pattern": "-----BEGIN" } };
    /// What becomes of a client without a certificate.
    ClientAuth = { "enum": ["required", "optional"] };
    /// How a line is written.
    LineFormat = { "enum": ["json", "common"] };
    /// Where lines go.
    LogOutput = { "type": "string", "minLength": 1 };
    /// A share.
    Sample = { "type": "number", "minimum": 0, "maximum": 1 };
    /// How much of an address is told.
    PeerShown = { "enum": ["full", "cut", "none"] };
    /// A header's name.
    HeaderName = { "type": "string", "pattern": "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$" };
    /// How clients prove who they are.
    Credentials = {
        "anyOf": [
            { "enum": ["none", "jwt", "api_key", "mtls"] },
            { "type": "array", "minItems": 1, "items": { "enum": ["jwt", "api_key", "mtls"] } }
        ]
    };
    /// How tokens are signed.
    Algorithms = {
        "anyOf": [
            { "enum": ["RS256", "ES256", "EdDSA"] },
            { "type": "array", "items": { "enum": ["RS256", "ES256", "EdDSA"] } }
        ]
    };
    /// Where keys are.
    KeySource = {
        "type": "string",
        "anyOf": [
            { "pattern": "^[hH][tT][tT][pP][sS]?://[^/?#@\\s]+[^@\\s]*$" },
            { "minLength": 1, "not": { "pattern": "://" } }
        ]
    };
    /// Any text but none.
    NotEmpty = { "type": ["string", "number", "boolean"], "minLength": 1 };
    /// Texts, or one.
    NotEmpties = {
        "anyOf": [
            { "type": ["string", "number", "boolean"], "minLength": 1 },
            { "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean"], "minLength": 1 } }
        ]
    };
    /// A name without spaces.
    Word = { "type": "string", "pattern": "^[!#-\\[\\]-~]+$" };
    /// Names without spaces, or one.
    Words = {
        "anyOf": [
            { "type": "string", "pattern": "^[!#-\\[\\]-~]+$" },
            { "type": "array", "items": { "type": "string", "pattern": "^[!#-\\[\\]-~]+$" } }
        ]
    };
    /// What a key is found by.
    KeyId = { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" };
    /// Where a secret is.
    Reference = { "type": "string", "pattern": "\\$\\{(env|file):[^}]+\\}" };
    /// Nothing is said.
    Off = { "const": "none" };
    /// Services, or one.
    Services = {
        "anyOf": [
            { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,200}\\*?$" },
            { "type": "array", "items": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,200}\\*?$" } }
        ]
    };
    /// Origins, or every one.
    Origins = {
        "anyOf": [
            { "const": "*" },
            { "type": "string", "pattern": "^https?://[^/?#@\\sA-Z]+$" },
            { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^https?://[^/?#@\\sA-Z]+$" } }
        ]
    };
    /// Methods, or one.
    Methods = {
        "anyOf": [
            { "type": "string", "pattern": "^[-!#$%&'*+.^_`|~0-9A-Z]+$" },
            { "type": "array", "items": { "type": "string", "pattern": "^[-!#$%&'*+.^_`|~0-9A-Z]+$" } }
        ]
    };
    /// Names of headers, or one.
    HeaderNames = {
        "anyOf": [
            { "type": "string", "pattern": "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$" },
            { "type": "array", "items": { "type": "string", "pattern": "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$" } }
        ]
    };
    /// The SHA-256 of something.
    Hash = { "type": "string", "pattern": "^[0-9a-fA-F]{64}$" };
}

/// The value of a property of librdkafka; tables are parts of its name.
#[derive(Default)]
pub(super) struct Property;

impl JsonSchema for Property {
    fn schema_name() -> Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let part = generator.subschema_for::<Self>();
        json_schema!({
            "anyOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "object", "additionalProperties": part }
            ]
        })
    }
}
