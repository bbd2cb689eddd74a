//! Who may call: how a client proves who it is, and what a route asks of it.

pub mod api_key;
mod certificate;
mod denied;
mod guard;
mod jwt;
pub(crate) mod metrics;
mod principal;

use std::sync::Arc;

use ipc_core::envelope::principal::Sign;
use ipc_core::principal::Vouching;
use tokio::runtime::Handle;

pub(crate) use denied::Denied;
use denied::Reason;
pub(crate) use guard::Guard;
pub(crate) use principal::Fingerprint;
pub use principal::Principal;

use crate::config::{Auth, Credential, Route};
use api_key::ApiKeys;
use certificate::Certificates;
use guard::Check;
use jwt::Tokens;
use metrics::AuthMetrics;

/// Everything that is needed to tell clients apart.
#[derive(Debug)]
pub(crate) struct Access {
    auth: Auth,
    runtime: Handle,
    metrics: AuthMetrics,
    tokens: Arc<Tokens>,
    api_keys: Arc<ApiKeys>,
    certificates: Arc<Certificates>,
}

impl Access {
    /// What `auth` says. Goes on with the keys that `earlier` has fetched, and with the
    /// tokens it has verified, where their issuers are the same. Keys are fetched on the
    /// runtime that the first of all is made on.
    ///
    /// # Panics
    ///
    /// Where the first is made outside a runtime.
    pub(crate) fn new(auth: &Auth, metrics: &AuthMetrics, earlier: Option<&Self>) -> Self {
        let runtime = earlier.map_or_else(Handle::current, |access| access.runtime.clone());
        let earlier = earlier.map(|access| &*access.tokens);
        Self {
            tokens: Arc::new(Tokens::new(auth, metrics, &runtime, earlier)),
            api_keys: Arc::new(ApiKeys::new(auth)),
            certificates: Arc::new(Certificates::new(auth)),
            auth: auth.clone(),
            runtime,
            metrics: metrics.clone(),
        }
    }

    /// What tells services that `principal` calls, where they are told.
    pub(crate) fn vouching(&self, principal: &Principal) -> Option<Arc<dyn Sign>> {
        let signing = self.auth.sign.as_ref()?;
        let told = principal.to_told();
        Some(Arc::new(Vouching::new(told, Arc::clone(signing.key()))))
    }

    /// Who may use a route; `None` where anybody may.
    pub(crate) fn guard(&self, route: &Route) -> Option<Guard> {
        let credentials = route.auth.as_deref().unwrap_or(&self.auth.default);
        self.of(credentials, &route.scopes, route.label().into())
    }

    /// Who may send requests that no route names.
    pub(crate) fn unrouted(&self) -> Option<Guard> {
        self.of(&self.auth.default, &[], "unrouted".into())
    }

    fn of(&self, credentials: &[Credential], scopes: &[String], route: Arc<str>) -> Option<Guard> {
        let checks: Vec<Check> = credentials
            .iter()
            .map(|credential| match credential {
                Credential::Jwt => Check::Jwt {
                    tokens: Arc::clone(&self.tokens),
                    forward: self.auth.forward_authorization,
                },
                Credential::Mtls => Check::Mtls {
                    certificates: Arc::clone(&self.certificates),
                },
                Credential::ApiKey => Check::ApiKey {
                    keys: Arc::clone(&self.api_keys),
                    header: self.auth.api_key_header.clone(),
                    forward: self.auth.forward_api_key,
                },
            })
            .collect();
        (!checks.is_empty()).then(|| Guard::new(checks, scopes, self.metrics.clone(), route))
    }
}
