//! A client and the key that vouches for it.

use std::sync::Arc;

use bytestring::ByteString;

use super::SigningKey;
use crate::envelope::UnixMillis;
use crate::envelope::principal::{Covered, Principal, Sign};

/// Vouches for one client with one key, for the request that it goes with: see
/// [`Options::principal`](crate::client::Options::principal).
#[derive(Clone, Debug)]
pub struct Vouching {
    principal: Principal,
    key: Arc<SigningKey>,
}

impl Vouching {
    /// Vouches for `principal` with `key`.
    #[must_use]
    pub fn new(principal: Principal, key: Arc<SigningKey>) -> Self {
        Self { principal, key }
    }
}

impl Sign for Vouching {
    fn sign(&self, request: &Covered<'_>, now: UnixMillis) -> ByteString {
        self.key.sign(&self.principal, request, now)
    }
}
