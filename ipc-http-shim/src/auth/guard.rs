//! What a route asks of its clients.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, request};
use ipc_core::envelope::UnixMillis;

use super::api_key::ApiKeys;
use super::certificate::Certificates;
use super::jwt::Tokens;
use super::metrics::AuthMetrics;
use super::{Denied, Principal, Reason};
use crate::peer::Peer;

/// Who may use a route.
#[derive(Debug)]
pub(crate) struct Guard {
    /// In the order in which they are tried. Never empty.
    checks: Vec<Check>,
    /// All of these are needed.
    scopes: Vec<String>,
    /// What counts those that are turned away, and under which name.
    metrics: AuthMetrics,
    route: Arc<str>,
}

/// One way to prove who one is.
#[derive(Debug)]
pub(super) enum Check {
    /// A token in `authorization`.
    Jwt {
        tokens: Arc<Tokens>,
        /// Whether the token goes on to who answers.
        forward: bool,
    },
    /// The certificate of the connection.
    Mtls { certificates: Arc<Certificates> },
    /// A key in a header of its own.
    ApiKey {
        keys: Arc<ApiKeys>,
        header: HeaderName,
        /// Whether the key goes on to who answers.
        forward: bool,
    },
}

impl Guard {
    pub(super) fn new(
        checks: Vec<Check>,
        scopes: &[String],
        metrics: AuthMetrics,
        route: Arc<str>,
    ) -> Self {
        Self {
            checks,
            scopes: scopes.to_vec(),
            metrics,
            route,
        }
    }

    /// Who sends a request with this head, where it may, as [`judge`](Self::judge) says;
    /// those that may not are counted.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed but `head`, which goes with the request.
    pub(crate) async fn admit(
        &self,
        head: &mut request::Parts,
        peer: &Peer,
    ) -> Result<Principal, Denied> {
        let judged = self.judge(head, peer).await;
        if let Err(denied) = &judged {
            self.metrics.denied(&self.route, denied.reason);
        }
        judged
    }

    /// Who sends a request with this head, where it may. The first way to prove it that
    /// the request attempts decides: a token that is not valid is not made up for by a
    /// key beside it. Takes the credentials away that are for the gateway alone.
    async fn judge(&self, head: &mut request::Parts, peer: &Peer) -> Result<Principal, Denied> {
        let mut attempted = None;
        for check in &self.checks {
            if let Some(outcome) = check.attempt(&head.headers, peer).await {
                attempted = Some(outcome);
                break;
            }
        }
        let principal = attempted.unwrap_or_else(|| Err(Reason::no_credential.into()))?;
        if principal.lacks(&self.scopes).is_some() {
            return Err(Denied::scope(&self.scopes));
        }
        for check in &self.checks {
            check.take_away(&mut head.headers);
        }
        Ok(principal)
    }

    /// What a client that is denied can do about it, one value for each way.
    pub(crate) fn challenges(&self, denied: &Denied) -> impl Iterator<Item = HeaderValue> {
        let error = denied.error();
        let schemes = self.checks.iter().map(Check::scheme);
        schemes.filter_map(move |scheme| {
            let challenge = match &error {
                Some(error) => format!("{scheme}, {error}"),
                None => scheme,
            };
            HeaderValue::from_str(&challenge).ok()
        })
    }
}

impl Check {
    /// Who sends the request, where it attempts to prove it in this way.
    async fn attempt(&self, headers: &HeaderMap, peer: &Peer) -> Option<Result<Principal, Denied>> {
        match self {
            Self::Mtls { certificates } => {
                let principal = certificates.find(peer.certificate.as_deref()?);
                Some(principal.ok_or_else(|| Reason::unknown_certificate.into()))
            }
            Self::Jwt { tokens, .. } => {
                let token = bearer(headers)?;
                Some(match token {
                    // Boxed, since keys and certificates have no need of the room.
                    Ok(token) => Box::pin(tokens.verify(token, UnixMillis::now())).await,
                    Err(reason) => Err(reason.into()),
                })
            }
            Self::ApiKey { keys, header, .. } => {
                let key = headers.get(header)?;
                let principal = only(headers, header).and_then(|_| keys.find(key.as_bytes()));
                Some(principal.ok_or_else(|| Reason::unknown_api_key.into()))
            }
        }
    }

    fn take_away(&self, headers: &mut HeaderMap) {
        match self {
            Self::Jwt { forward: false, .. } => {
                // What is no token is none of the gateway's.
                if bearer(headers).is_some() {
                    headers.remove(AUTHORIZATION);
                }
            }
            Self::ApiKey {
                forward: false,
                header,
                ..
            } => {
                headers.remove(header);
            }
            Self::Jwt { .. } | Self::ApiKey { .. } | Self::Mtls { .. } => {}
        }
    }

    /// The scheme of its challenge, with its realm.
    fn scheme(&self) -> String {
        match self {
            Self::Jwt { .. } => "Bearer realm=\"ipc\"".to_owned(),
            // RFC 9110 wants a challenge, and there is none for what TLS asks for.
            Self::Mtls { .. } => "Certificate realm=\"ipc\"".to_owned(),
            // There is no registered scheme for keys in headers of their own.
            Self::ApiKey { header, .. } => format!("ApiKey realm=\"ipc\", header=\"{header}\""),
        }
    }
}

/// The token of a request that has one; why not, where it has several or one that is
/// no text.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, Reason>> {
    let value = headers.get(AUTHORIZATION)?;
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    let token = only(headers, &AUTHORIZATION)
        .and_then(|_| std::str::from_utf8(token).ok())
        .map(|token| token.trim_ascii_start());
    Some(token.ok_or(Reason::malformed))
}

/// The one value of a header. Which of two credentials is meant must not be guessed.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    first.filter(|_| values.next().is_none())
}
