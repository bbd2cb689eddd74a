//! Why a client may not call.

use std::time::Duration;

use ipc_core::envelope::Problem;
use prometheus_client::encoding::EncodeLabelValue;

/// Why a client may not call, as a label too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(crate) enum Reason {
    /// It shows no credential that its route takes.
    no_credential,
    /// It shows one that cannot be read.
    malformed,
    /// Its token is by an issuer that is not configured.
    unknown_issuer,
    /// Its token is signed with an algorithm that its issuer is not known to use.
    algorithm,
    /// Its token is signed with a key that its issuer does not show.
    unknown_key,
    /// Its token's signature is wrong.
    signature,
    /// Its token is for somebody else.
    audience,
    /// Its token has expired.
    expired,
    /// Its token is not valid yet.
    not_yet_valid,
    /// Its API key is none of those configured.
    unknown_api_key,
    /// Its certificate is none of those configured.
    unknown_certificate,
    /// It may not do this.
    scope,
    /// The issuer has not shown its keys so far.
    keys_unavailable,
}

/// A client that may not call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Denied {
    pub(crate) reason: Reason,
    /// The scopes that its route asks for, where it lacks one.
    scopes: String,
    /// When it may try again, where it could be let in then.
    pub(crate) retry_after: Option<Duration>,
}

impl Denied {
    /// That one scope is missing of those that a route asks for.
    pub(super) fn scope(wanted: &[String]) -> Self {
        Self {
            scopes: wanted.join(" "),
            ..Self::from(Reason::scope)
        }
    }

    /// That an issuer's keys are not there; they are tried for again after `wait`.
    pub(super) fn keys_unavailable(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::from(Reason::keys_unavailable)
        }
    }

    /// What the client is told. Never what it showed.
    pub(crate) fn problem(&self) -> Problem {
        match self.reason {
            Reason::no_credential => Problem::new(
                "unauthenticated",
                "the request does not say who sends it",
                401,
            ),
            Reason::scope => Problem::new("forbidden", "the client may not do this", 403)
                .with_detail(format!("it asks for the scopes {}", self.scopes)),
            Reason::keys_unavailable => Problem::new(
                "keys-unavailable",
                "the token cannot be verified at the moment",
                503,
            )
            .with_detail("its issuer does not show its keys; nothing was sent"),
            _ => Problem::new(
                "unauthenticated",
                "the client's credential is not valid",
                401,
            )
            .with_detail(self.description()),
        }
    }

    /// Completes a challenge (RFC 6750, 3), where there is more to say than its scheme.
    pub(super) fn error(&self) -> Option<String> {
        match self.reason {
            // RFC 6750, 3.1: no error code where no credential was shown.
            Reason::no_credential | Reason::keys_unavailable => None,
            Reason::scope => Some(format!(
                "error=\"insufficient_scope\", scope=\"{}\"",
                self.scopes
            )),
            _ => Some(format!(
                "error=\"invalid_token\", error_description=\"{}\"",
                self.description()
            )),
        }
    }

    fn description(&self) -> &'static str {
        match self.reason {
            Reason::no_credential => "there is no credential",
            Reason::malformed => "it cannot be read",
            Reason::unknown_issuer => "its issuer is not trusted here",
            Reason::algorithm => "its algorithm is not taken from its issuer",
            Reason::unknown_key => "its issuer does not show the key it is signed with",
            Reason::signature => "its signature is wrong",
            Reason::audience => "it is for another audience",
            Reason::expired => "it has expired",
            Reason::not_yet_valid => "it is not valid yet",
            Reason::unknown_api_key | Reason::unknown_certificate => "it is not known here",
            Reason::scope => "it lacks a scope",
            Reason::keys_unavailable => "it cannot be verified at the moment",
        }
    }
}

impl From<Reason> for Denied {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            scopes: String::new(),
            retry_after: None,
        }
    }
}
