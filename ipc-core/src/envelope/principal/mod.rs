//! Who a request is from, as somebody has vouched for it who knows.
//!
//! A gateway that has verified its client says so in the header `ipc-principal`, signed
//! together with the request: see `docs/wire-format.md`. Keys are not known here; the
//! module `principal` has some.

mod covered;

use std::fmt;

use bytestring::ByteString;

pub use covered::Covered;

use super::UnixMillis;

/// A client that a gateway has verified: what a handler can rely on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal {
    /// How it proved who it is: `jwt`, `api_key`, `mtls`.
    pub credential: ByteString,
    /// Who vouches for its name; empty where the gateway itself does.
    pub issuer: ByteString,
    /// What its issuer calls it: unique with the issuer and the credential only.
    pub subject: ByteString,
    /// What it may do.
    pub scopes: Vec<ByteString>,
}

impl Principal {
    /// Whether it may do what `scope` names.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|has| *has == scope)
    }
}

/// Vouches for the sender of a request. A gateway gives one with each request.
pub trait Sign: Send + Sync + fmt::Debug {
    /// The value of `ipc-principal` for a request that is sent at `now`.
    fn sign(&self, request: &Covered<'_>, now: UnixMillis) -> ByteString;
}

/// Tells what was vouched for from what was not.
pub trait Verify: Send + Sync + fmt::Debug {
    /// Who sent a request with this value of `ipc-principal`, and when that was said.
    ///
    /// # Errors
    ///
    /// [`Distrust`]: why nobody is known to have sent it.
    fn verify(
        &self,
        value: &[u8],
        request: &Covered<'_>,
    ) -> Result<(Principal, UnixMillis), Distrust>;
}

/// Why nobody is known to have sent a request that says who did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// What it says cannot be read.
    #[error("header ipc-principal cannot be read")]
    Unreadable,
    /// It is signed with a key that is not trusted.
    #[error("header ipc-principal is signed with a key that is not trusted here")]
    UnknownKey,
    /// The signature is for another request, or for none.
    #[error("header ipc-principal is not signed for this request")]
    Forged,
    /// It was said too long ago.
    #[error("header ipc-principal is older than the endpoint's max_age")]
    TooOld,
    /// It will only be said.
    #[error("header ipc-principal is from the future: set the clocks right")]
    FromTheFuture,
}
