//! Who may call, as it is written.

use schemars::JsonSchema;

use super::form::{
    Algorithms, Credentials, Duration, Hash, HeaderName, KeyId, KeySource, NotEmpties, NotEmpty,
    Reference, Requests, Text, Word, Words,
};

/// How clients prove who they are.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline)]
pub(super) struct Auth {
    /// What a route takes that does not say, and what requests take that no route names.
    /// Default: none, anybody may call.
    #[schemars(extend("default" = "none"))]
    default: Credentials,
    /// Whose tokens are taken.
    issuers: Vec<Issuer>,
    /// Which API keys are taken.
    api_keys: Vec<ApiKey>,
    /// Which client certificates are taken.
    certificates: Vec<KnownCertificate>,
    /// The header that an API key stands in. Default: x-api-key.
    #[schemars(extend("default" = "x-api-key"))]
    api_key_header: HeaderName,
    /// Whether an API key goes on to who answers. Default: false.
    #[schemars(extend("default" = false))]
    forward_api_key: bool,
    /// Whether a token goes on to who answers. Default: true.
    #[schemars(extend("default" = true))]
    forward_authorization: bool,
    /// With which key services are told who calls. Default: they are not told.
    sign: Sign,
    /// How many tokens are remembered once they are verified. Default: 10000.
    #[schemars(extend("default" = 10_000))]
    remembered_tokens: Requests,
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
    id: KeyId,
    /// A private key in PEM, as ${file:/path} or ${env:NAME}.
    ed25519: Reference,
    /// A secret of at least 32 bytes that services share, as ${file:/path} or ${env:NAME}.
    hmac: Reference,
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
    issuer: NotEmpty,
    /// Whom its tokens must be for: one of these stands in aud.
    audience: NotEmpties,
    /// Where it shows its keys: https://host/path, or a file.
    jwks: KeySource,
    /// A file of certificates to trust there. Default: those that the system trusts.
    ca: Text,
    /// How it may sign. Default: RS256, ES256, EdDSA.
    #[schemars(extend("default" = ["RS256", "ES256", "EdDSA"]))]
    algorithms: Algorithms,
    /// By how much its clock may differ. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    skew: Duration,
    /// After how long its keys are fetched anew. Default: 10m.
    #[schemars(extend("default" = "10m"))]
    refresh: Duration,
    /// Between two fetches at least. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    floor: Duration,
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
    name: Word,
    /// A URI it is for: the SPIFFE id of a workload.
    uri: NotEmpty,
    /// A DNS name it is for.
    dns: NotEmpty,
    /// A mail address it is for.
    email: NotEmpty,
    /// The common name of its subject.
    common_name: NotEmpty,
    /// What its client may do.
    scopes: Words,
}

/// An API key that is taken. `ipc-http-shim api-key NAME` makes one.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["name", "sha256"]))]
pub(super) struct ApiKey {
    /// Who has it.
    name: Word,
    /// The SHA-256 of the key.
    sha256: Hash,
    /// What it may do.
    scopes: Words,
}
