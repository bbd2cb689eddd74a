//! One issuer, and what it vouches for.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::envelope::UnixMillis;
use jsonwebtoken::{Algorithm, Header, Validation, decode};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::keys::Key;
use super::refresh::Keys;
use super::source::Source;
use super::{crypto, reason};
use crate::auth::metrics::AuthMetrics;
use crate::auth::{Denied, Principal, Reason};
use crate::config::{self, Credential, TokenAlgorithm};

/// An issuer that is trusted.
pub(super) struct Issuer {
    rules: config::Issuer,
    keys: Arc<Keys>,
    #[expect(dead_code, reason = "the keys are refreshed until it is dropped")]
    refreshing: JoinSet<()>,
}

/// What an issuer vouched for.
pub(super) struct Vouched {
    pub(super) principal: Principal,
    /// Until when, with the clock's skew.
    pub(super) until: UnixMillis,
    /// The keys by which it did.
    pub(super) generation: u64,
}

/// What is read of a token that is verified.
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    nbf: Option<f64>,
    sub: Option<String>,
    client_id: Option<String>,
    /// RFC 8693, 4.2: parted by spaces.
    scope: Option<String>,
    /// What others call it.
    scp: Option<Scopes>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    Text(String),
    List(Vec<String>),
}

impl Issuer {
    /// Fetches keys on `runtime` from now on.
    pub(super) fn new(rules: config::Issuer, metrics: AuthMetrics, runtime: &Handle) -> Self {
        crypto::install();
        let keys = Arc::new(Keys::new(rules.floor));
        let mut refreshing = JoinSet::new();
        let source = Source::new(&rules);
        let run = Arc::clone(&keys).run(rules.clone(), source, metrics);
        refreshing.spawn_on(run, runtime);
        Self {
            rules,
            keys,
            refreshing,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.rules.issuer
    }

    /// Whether these are its rules.
    pub(super) fn has(&self, rules: &config::Issuer) -> bool {
        self.rules == *rules
    }

    /// Which keys it shows by now.
    pub(super) fn generation(&self) -> u64 {
        self.keys.current().generation
    }

    /// What it vouches for in `token`, whose header is `header`.
    pub(super) async fn verify(
        &self,
        token: &str,
        header: &Header,
        now: UnixMillis,
    ) -> Result<Vouched, Denied> {
        // What must be understood and is not (RFC 7515, 4.1.11), and tokens of another
        // kind that the same key signs (RFC 8725, 3.11).
        if header.crit.is_some() || !is_access_token(header.typ.as_deref()) {
            return Err(Reason::malformed.into());
        }
        let algorithm = taken(header.alg).filter(|it| self.rules.algorithms.contains(it));
        let algorithm = algorithm.ok_or(Reason::algorithm)?;
        let (key, generation) = self.key(header.kid.as_deref(), algorithm).await?;
        let validation = self.validation(header.alg);
        let verified = decode::<Claims>(token, &key.decoding, &validation);
        let claims = verified.map_err(|error| reason(error.kind()))?.claims;
        let until = self.check_times(&claims, now)?;
        Ok(Vouched {
            principal: self.principal(claims)?,
            until,
            generation,
        })
    }

    async fn key(
        &self,
        id: Option<&str>,
        algorithm: TokenAlgorithm,
    ) -> Result<(Arc<Key>, u64), Denied> {
        let mut set = self.keys.current();
        if set.find(id, algorithm).is_none() {
            set = self.keys.refreshed().await;
        }
        match set.find(id, algorithm) {
            Some(key) => Ok((Arc::clone(key), set.generation)),
            None if set.is_known() => Err(Reason::unknown_key.into()),
            None => Err(Denied::keys_unavailable(self.rules.floor)),
        }
    }

    /// All but the times, which have a clock that tests can set.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.iss = Some(HashSet::from([self.rules.issuer.clone()]));
        validation.aud = Some(self.rules.audience.iter().cloned().collect());
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }

    /// Until when a token holds that holds at `now`.
    fn check_times(&self, claims: &Claims, now: UnixMillis) -> Result<UnixMillis, Reason> {
        let skew = self.rules.skew;
        let from = claims.nbf.map(moment).transpose()?;
        if from.is_some_and(|from| from > now.plus(skew)) {
            return Err(Reason::not_yet_valid);
        }
        let until = moment(claims.exp)?.plus(skew);
        if until <= now {
            return Err(Reason::expired);
        }
        Ok(until)
    }

    fn principal(&self, claims: Claims) -> Result<Principal, Reason> {
        let subject = claims.sub.or(claims.client_id);
        let subject = subject.filter(|subject| !subject.is_empty());
        let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
        let scopes: Vec<String> = match (claims.scope, claims.scp) {
            (Some(text), _) | (None, Some(Scopes::Text(text))) => words(text),
            (None, Some(Scopes::List(list))) => list,
            (None, None) => Vec::new(),
        };
        Ok(Principal::new(
            Credential::Jwt,
            &*self.rules.issuer,
            subject.ok_or(Reason::malformed)?,
            scopes,
        ))
    }
}

fn taken(algorithm: Algorithm) -> Option<TokenAlgorithm> {
    match algorithm {
        Algorithm::RS256 => Some(TokenAlgorithm::Rs256),
        Algorithm::ES256 => Some(TokenAlgorithm::Es256),
        Algorithm::EdDSA => Some(TokenAlgorithm::EdDsa),
        _ => None,
    }
}

/// Whether a token says that it is one for access, or nothing else.
fn is_access_token(kind: Option<&str>) -> bool {
    let known = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];
    kind.is_none_or(|kind| known.iter().any(|known| kind.eq_ignore_ascii_case(known)))
}

/// Seconds since 1970 (RFC 7519, 2), which may have a fraction.
fn moment(seconds: f64) -> Result<UnixMillis, Reason> {
    let since = Duration::try_from_secs_f64(seconds).map_err(|_| Reason::malformed)?;
    Ok(UnixMillis(0).plus(since))
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
