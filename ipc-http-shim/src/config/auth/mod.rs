//! Who may call.

mod check;
mod form;
mod key_hash;
pub(super) mod read;
pub(super) mod signing;

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, Uri};

pub(super) use check::{check_handshake, check_route};
pub use key_hash::KeyHash;
pub(super) use read::{read, read_route};
pub use signing::Signing;

/// How clients prove who they are.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Auth {
    /// What a route takes that does not say, and what requests take that no route
    /// names; any one of these will do. Default: none, anybody may call.
    pub default: Vec<Credential>,
    /// Whose tokens are taken. Default: nobody's.
    pub issuers: Vec<Issuer>,
    /// Which API keys are taken. Default: none.
    pub api_keys: Vec<ApiKey>,
    /// Which client certificates are taken. Default: none.
    pub certificates: Vec<KnownCertificate>,
    /// The header that an API key stands in. Default: `x-api-key`.
    pub api_key_header: HeaderName,
    /// Whether an API key goes on to who answers. Default: it does not.
    pub forward_api_key: bool,
    /// Whether a token goes on to who answers: most applications look at it themselves.
    /// Default: it does.
    pub forward_authorization: bool,
    /// With which key services are told who calls. Default: they are not told.
    pub sign: Option<Signing>,
    /// How many tokens are remembered once they are verified. Default: 10 000.
    pub remembered_tokens: usize,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            default: Vec::new(),
            issuers: Vec::new(),
            api_keys: Vec::new(),
            certificates: Vec::new(),
            api_key_header: HeaderName::from_static("x-api-key"),
            forward_api_key: false,
            forward_authorization: true,
            sign: None,
            remembered_tokens: 10_000,
        }
    }
}

/// One way for a client to prove who it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// A JSON web token in `authorization`.
    Jwt,
    /// A key in a header of its own.
    ApiKey,
    /// A client certificate.
    Mtls,
}

impl Credential {
    /// Each that is known.
    pub(super) const ALL: [Self; 3] = [Self::Jwt, Self::ApiKey, Self::Mtls];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::Mtls => "mtls",
        }
    }
}

/// An issuer whose tokens are taken.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Issuer {
    /// What its tokens call it in `iss`, letter by letter.
    pub issuer: String,
    /// Whom its tokens must be for: one of these stands in `aud`. Never empty.
    pub audience: Vec<String>,
    /// Where it shows its keys.
    pub jwks: KeySource,
    /// Certificates to trust there, instead of the system's. Default: the system's.
    pub ca: Option<PathBuf>,
    /// How it may sign. Default: in each way that is known here.
    pub algorithms: Vec<TokenAlgorithm>,
    /// By how much its clock may differ from this one. Default: 30 s.
    pub skew: Duration,
    /// After how long its keys are fetched anew. Default: 10 min.
    pub refresh: Duration,
    /// Between two fetches at least, however many tokens have an unknown key. Default:
    /// 30 s.
    pub floor: Duration,
}

impl Issuer {
    /// An issuer with the defaults.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: Vec<String>, jwks: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audience,
            jwks,
            ca: None,
            algorithms: TokenAlgorithm::ALL.to_vec(),
            skew: Duration::from_secs(30),
            refresh: Duration::from_secs(600),
            floor: Duration::from_secs(30),
        }
    }
}

/// Where an issuer shows its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySource {
    /// At an address, `https://` or `http://`.
    Url(Uri),
    /// In a file.
    File(PathBuf),
}

/// How a token is signed: with a key whose other half only its issuer has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits or more.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl TokenAlgorithm {
    /// Each that is known.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// As tokens name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// An API key that is taken.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ApiKey {
    /// Who has it.
    pub name: String,
    /// Its hash: the key itself is with its client alone.
    pub hash: KeyHash,
    /// What it may do.
    pub scopes: Vec<String>,
}

impl ApiKey {
    /// A key of `name`.
    #[must_use]
    pub fn new(name: impl Into<String>, hash: KeyHash, scopes: Vec<String>) -> Self {
        Self {
            name: name.into(),
            hash,
            scopes,
        }
    }
}

/// A client certificate that is taken, where the handshake has verified it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct KnownCertificate {
    /// Who has it.
    pub name: String,
    /// What it says.
    pub certificate: CertificateName,
    /// What its client may do.
    pub scopes: Vec<String>,
}

impl KnownCertificate {
    /// A certificate of `name`.
    #[must_use]
    pub fn new(name: impl Into<String>, certificate: CertificateName, scopes: Vec<String>) -> Self {
        Self {
            name: name.into(),
            certificate,
            scopes,
        }
    }
}

/// What a client certificate is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CertificateName {
    /// A URI it is for: the SPIFFE id of a workload.
    Uri(String),
    /// A DNS name it is for.
    Dns(String),
    /// A mail address it is for.
    Email(String),
    /// The common name of its subject.
    CommonName(String),
}

impl CertificateName {
    /// The key that it is written under, and what it is.
    pub(in crate::config) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Uri(name) => ("uri", name),
            Self::Dns(name) => ("dns", name),
            Self::Email(name) => ("email", name),
            Self::CommonName(name) => ("common_name", name),
        }
    }
}
