//! TLS on either side, as it is written.

use schemars::JsonSchema;

use super::form::{ClientAuth, Count, Duration, FilePath};

/// TLS towards HTTP clients.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, inline, extend("required" = ["certificate", "key"]))]
pub(super) struct Tls {
    /// The file with the certificate as PEM, followed by those between it and the
    /// authority.
    certificate: FilePath,
    /// The file with its private key as PEM.
    key: FilePath,
    /// The file with the authorities of client certificates as PEM. Default: clients
    /// are asked for none.
    client_ca: FilePath,
    /// Whether a client without a certificate gets a connection all the same: required,
    /// or optional. Default: required.
    #[schemars(extend("default" = "required"))]
    client_auth: ClientAuth,
    /// How long a handshake may take. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    handshake_timeout: Duration,
    /// How many handshakes may be under way at once. Default: 256.
    #[schemars(extend("default" = 256))]
    handshakes: Count,
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
    ca: FilePath,
    /// The file with the certificate that is shown as PEM. Default: none is.
    certificate: FilePath,
    /// The file with its private key as PEM.
    key: FilePath,
}
