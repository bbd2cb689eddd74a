//! The endpoints of an application, found by method and path.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use matchit::Router;

use super::conflict::{RouteConflict, RouteConflicts};
use crate::contract::{Guarantee, KeyRule, Mode, RetryPolicy, Terms};
use crate::dispatch::{Policies, Policy, path_only};
use crate::envelope::{Envelope, RequestHead};

/// One endpoint, where it is served.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Registered {
    /// What its contract says.
    pub terms: Terms,
    /// Its path template with the prefixes it is nested under.
    pub path: String,
}

impl Registered {
    /// `POST /api/orders/{id}`: its name in metrics and messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.terms.method, self.path)
    }

    fn policy(&self, default: &Policy) -> Policy {
        let mut policy = Policy::new(self.name());
        policy.mode = self.terms.mode;
        policy.timeout = self.terms.timeout.unwrap_or(default.timeout);
        policy.max_age = default.max_age;
        policy.principals.clone_from(&default.principals);
        policy.guarantee = self.terms.guarantee;
        policy.idempotency = self.terms.idempotency;
        policy.max_reply = self.terms.max_reply.or(default.max_reply);
        policy.store_down = self.terms.store_down;
        policy.safe = self.terms.safe;
        policy.keyed = self.terms.key != KeyRule::None;
        policy.retry = self.terms.retry.or(default.retry.filter(|retry| {
            // What a service says of all holds where it can.
            policy.mode != Mode::Stream
                && policy.guarantee != Guarantee::AtMostOnce
                && (policy.parks() || retry.policy != RetryPolicy::KeyParked)
        }));
        policy.retries_calls = self.terms.retry.is_some() || default.retries_calls;
        policy
    }
}

/// Every endpoint of an application, and the policy of each.
#[derive(Debug)]
pub struct Registry {
    default: Arc<Policy>,
    endpoints: Vec<Registered>,
    policies: Vec<Arc<Policy>>,
    /// Positions in `endpoints`, by path.
    routes: Router<Vec<usize>>,
}

impl Registry {
    /// Everything not among `endpoints` gets `default`; endpoints take from it
    /// what their terms leave open.
    ///
    /// # Errors
    ///
    /// Where two paths match the same requests, or one cannot be matched.
    pub fn new(endpoints: Vec<Registered>, default: Policy) -> Result<Self, RouteConflicts> {
        let mut by_path: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, endpoint) in endpoints.iter().enumerate() {
            by_path.entry(&endpoint.path).or_default().push(at);
        }
        let mut routes = Router::new();
        let mut conflicts = Vec::new();
        for (path, at) in by_path {
            let endpoint = endpoints[at[0]].name();
            if let Err(error) = routes.insert(path, at) {
                conflicts.push(RouteConflict::of_router(endpoint, error));
            }
        }
        if !conflicts.is_empty() {
            return Err(RouteConflicts(conflicts));
        }
        Ok(Self {
            policies: endpoints
                .iter()
                .map(|endpoint| Arc::new(endpoint.policy(&default)))
                .collect(),
            default: Arc::new(default),
            endpoints,
            routes,
        })
    }

    /// The endpoints, in the order they were added.
    #[must_use]
    pub fn endpoints(&self) -> &[Registered] {
        &self.endpoints
    }

    /// The endpoint a request of this method and path is for.
    #[must_use]
    pub fn endpoint(&self, method: &str, path: &str) -> Option<&Registered> {
        self.position(method, path).map(|at| &self.endpoints[at])
    }

    fn position(&self, method: &str, path: &str) -> Option<usize> {
        let here = self.routes.at(path).ok()?.value;
        let of = |method: &str| {
            here.iter()
                .copied()
                .find(|at| self.endpoints[*at].terms.method == method)
        };
        // a handler of GET answers HEAD where none of its own does
        of(method).or_else(|| of(Method::GET.as_str()).filter(|_| method == Method::HEAD.as_str()))
    }
}

impl Policies for Registry {
    fn find(&self, head: &RequestHead, _: &Envelope, _: &str) -> Arc<Policy> {
        let position = match (&head.method, &head.path) {
            (Some(method), Some(path)) => self.position(method, path_only(path)),
            _ => None,
        };
        let policy = position.map_or(&self.default, |at| &self.policies[at]);
        Arc::clone(policy)
    }

    fn all(&self) -> Vec<Arc<Policy>> {
        self.policies
            .iter()
            .chain([&self.default])
            .cloned()
            .collect()
    }
}
