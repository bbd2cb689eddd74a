//! Tokens (RFC 7519) of issuers that are trusted.

mod crypto;
mod issuer;
mod keys;
mod refresh;
mod source;
mod verified;

use std::sync::Arc;

use ipc_core::envelope::UnixMillis;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{dangerous, decode_header};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::metrics::AuthMetrics;
use super::{Denied, Principal, Reason};
use crate::config::Auth;
use issuer::Issuer;
use verified::{TokenHash, Verified};

/// Bytes of the longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// The issuers that are trusted, and the tokens of theirs that were seen lately.
#[derive(Debug)]
pub(super) struct Tokens {
    issuers: Vec<Arc<Issuer>>,
    verified: Arc<Verified>,
}

/// What is read of a token to know whose keys to verify it with.
#[derive(Deserialize)]
struct Claimed {
    iss: Option<String>,
}

impl Tokens {
    pub(super) fn new(
        auth: &Auth,
        metrics: &AuthMetrics,
        runtime: &Handle,
        earlier: Option<&Self>,
    ) -> Self {
        let earlier_issuers = earlier.map_or(&[][..], |tokens| &tokens.issuers);
        let issuers: Vec<Arc<Issuer>> = auth
            .issuers
            .iter()
            .map(|rules| {
                let mut earlier = earlier_issuers.iter();
                earlier.find(|issuer| issuer.has(rules)).map_or_else(
                    || Arc::new(Issuer::new(rules.clone(), metrics.clone(), runtime)),
                    Arc::clone,
                )
            })
            .collect();
        // What an issuer vouched for by other rules is forgotten.
        let verified = earlier
            .filter(|earlier| {
                earlier.verified.most() == auth.remembered_tokens
                    && earlier.issuers.len() == issuers.len()
                    && (earlier.issuers.iter().zip(&issuers))
                        .all(|(one, other)| Arc::ptr_eq(one, other))
            })
            .map(|earlier| Arc::clone(&earlier.verified));
        Self {
            issuers,
            verified: verified.unwrap_or_else(|| Arc::new(Verified::new(auth.remembered_tokens))),
        }
    }

    /// Who bears this token at `now`.
    pub(super) async fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied> {
        if token.len() > LONGEST {
            return Err(Reason::malformed.into());
        }
        let hash = TokenHash::of(token);
        if let Some(principal) = self.verified.find(&hash, now) {
            return Ok(principal);
        }
        let header = decode_header(token).map_err(|error| reason(error.kind()))?;
        let claimed: Claimed =
            dangerous::insecure_decode_claims(token).map_err(|error| reason(error.kind()))?;
        let named = |issuer: &&Arc<Issuer>| claimed.iss.as_deref() == Some(issuer.name());
        let issuer = self.issuers.iter().find(named);
        let issuer = issuer.ok_or(Reason::unknown_issuer)?;
        let vouched = issuer.verify(token, &header, now).await?;
        let principal = vouched.principal.clone();
        self.verified.keep(hash, Arc::clone(issuer), vouched);
        Ok(principal)
    }
}

fn reason(error: &ErrorKind) -> Reason {
    match error {
        ErrorKind::InvalidSignature => Reason::signature,
        ErrorKind::InvalidAudience => Reason::audience,
        ErrorKind::InvalidIssuer => Reason::unknown_issuer,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm => Reason::algorithm,
        _ => Reason::malformed,
    }
}
