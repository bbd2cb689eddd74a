//! The forms that values of `[auth]` have.

use std::path::PathBuf;

use http::Uri;

use super::{Credential, KeyHash, KeySource, TokenAlgorithm};
use crate::config::value::FromText;

impl FromText for Credential {
    const EXPECTED: &'static str = "a way to prove who one is";
    const MEND: &'static str =
        "write \"jwt\", \"api_key\" or \"mtls\", or auth = \"none\" where anybody may";

    fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|credential| credential.name() == text)
    }
}

impl FromText for TokenAlgorithm {
    const EXPECTED: &'static str = "an algorithm that is taken";
    const MEND: &'static str = "write \"RS256\", \"ES256\" or \"EdDSA\"; those of shared secrets, \
         and \"none\", would let others than the issuer make tokens";

    fn from_text(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.name() == text)
    }
}

impl FromText for KeySource {
    const EXPECTED: &'static str = "where keys are";
    const MEND: &'static str = "write \"https://host/path\", or the path of a file";

    fn from_text(text: &str) -> Option<Self> {
        if !text.contains("://") {
            return (!text.is_empty()).then(|| Self::File(PathBuf::from(text)));
        }
        let url: Uri = text.parse().ok()?;
        let known = matches!(url.scheme_str(), Some("http" | "https"));
        let has_host = url.host().is_some_and(|host| !host.is_empty());
        (known && has_host && !text.contains('@')).then_some(Self::Url(url))
    }
}

/// What proves to be a name in a token or of a key.
pub(super) struct Word(pub(super) String);

impl FromText for Word {
    const EXPECTED: &'static str = "a name without spaces";
    const MEND: &'static str = "write one, of visible ASCII characters but \" and \\";

    /// RFC 6749, 3.3: what a scope may be made of.
    fn from_text(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let valid = !text.is_empty() && text.bytes().all(fits);
        valid.then(|| Self(text.to_owned()))
    }
}

/// Any text but none.
pub(super) struct NotEmpty(pub(super) String);

impl FromText for NotEmpty {
    const EXPECTED: &'static str = "a name";
    const MEND: &'static str = "write it as it stands in tokens, letter by letter";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

impl FromText for KeyHash {
    const EXPECTED: &'static str = "the SHA-256 of a key";
    const MEND: &'static str =
        "write the 64 hexadecimal digits that `ipc-http-shim api-key NAME` prints";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// A number of tokens.
pub(super) struct Tokens(pub(super) usize);

impl FromText for Tokens {
    const EXPECTED: &'static str = "a number of tokens above zero";
    const MEND: &'static str = "write digits, as in 10000";

    fn from_text(text: &str) -> Option<Self> {
        let most: u32 = text.parse().ok()?;
        (most > 0).then_some(())?;
        usize::try_from(most).ok().map(Self)
    }
}
