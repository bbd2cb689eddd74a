//! The application: an axum Router with its contracts.

use std::fmt;
use std::sync::Arc;

use axum::Router;

use super::conflict::{RouteConflicts, Taken};
use super::endpoint::Endpoints;
use super::registry::{Registered, Registry};
use crate::contract::nested;
use crate::dispatch::Policy;

/// An axum Router that carries the contracts of its endpoints.
///
/// `S` is the state its handlers still miss, as in `axum::Router<S>`.
///
/// Endpoints are checked against each other and refused with an error. A clash
/// between an endpoint and a route written by hand, or between two applications
/// that are merged, is axum's own panic: a Router does not tell its routes.
#[must_use = "an application does nothing until it is served"]
pub struct App<S = ()> {
    router: Router<S>,
    endpoints: Vec<Registered>,
    /// Whether it may answer what no endpoint is for.
    has_others: bool,
}

impl<S> App<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// An application without routes.
    pub fn new() -> Self {
        Self {
            has_others: false,
            ..Self::from(Router::new())
        }
    }

    /// Adds endpoints; [`endpoints!`](crate::endpoints) lists them.
    ///
    /// # Errors
    ///
    /// Lists every endpoint whose route is taken, overlaps another, or is none a
    /// router takes.
    pub fn endpoints(mut self, endpoints: Endpoints<S>) -> Result<Self, RouteConflicts> {
        let mut taken = Taken::by(&self.endpoints);
        let mut conflicts = Vec::new();
        for listed in endpoints.0 {
            let endpoint = Registered {
                path: listed.terms.path.to_owned(),
                terms: listed.terms,
            };
            match taken.add(&endpoint) {
                // axum panics at what it cannot route: it only sees what is sound
                Ok(method) if conflicts.is_empty() => {
                    self.router = self.router.route(&endpoint.path, (listed.route)(method));
                }
                Ok(_) => {}
                Err(conflict) => conflicts.push(conflict),
            }
            self.endpoints.push(endpoint);
        }
        if conflicts.is_empty() {
            Ok(self)
        } else {
            Err(RouteConflicts(conflicts))
        }
    }

    /// Adds the routes of a Router, or of another application with its contracts.
    ///
    /// # Panics
    ///
    /// As axum does, where a route is there already.
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.router = self.router.merge(other.router);
        self.has_others |= other.has_others;
        self.endpoints.extend(other.endpoints);
        self
    }

    /// Adds the routes of a Router, or of another application with its contracts,
    /// below a path. Callers say so too:
    /// [`TypedRequest::below`](crate::contract::TypedRequest::below).
    ///
    /// # Panics
    ///
    /// As axum does, where a route is there already or the path is none to nest
    /// below.
    pub fn nest(mut self, prefix: &str, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.router = self.router.nest(prefix, other.router);
        self.has_others |= other.has_others;
        let below = other.endpoints.into_iter().map(|endpoint| Registered {
            path: nested(prefix, &endpoint.path),
            ..endpoint
        });
        self.endpoints.extend(below);
        self
    }

    /// Changes the Router and keeps the contracts: for layers, fallbacks and
    /// routes by hand.
    ///
    /// The paths of endpoints must stay as they are.
    pub fn map_router<T>(self, change: impl FnOnce(Router<S>) -> Router<T>) -> App<T> {
        App {
            router: change(self.router),
            endpoints: self.endpoints,
            has_others: true,
        }
    }

    /// Gives the handlers their state.
    pub fn with_state<T>(self, state: S) -> App<T> {
        App {
            router: self.router.with_state(state),
            endpoints: self.endpoints,
            has_others: self.has_others,
        }
    }

    /// Whether requests may be handled that no endpoint is for: by a route by hand, a
    /// merged Router's, or a fallback.
    pub(crate) fn has_others(&self) -> bool {
        self.has_others
    }

    /// The plain axum Router, with the routes so far.
    pub fn router(&self) -> &Router<S> {
        &self.router
    }

    /// The plain axum Router.
    pub fn into_router(self) -> Router<S> {
        self.router
    }

    /// The Router, and the policies its endpoints have beside the service's
    /// `default`: what a service is built from.
    ///
    /// # Errors
    ///
    /// Where endpoints that came together by [`merge`](Self::merge) or
    /// [`nest`](Self::nest) match the same requests.
    pub fn into_parts(self, default: Policy) -> Result<(Router<S>, Arc<Registry>), RouteConflicts> {
        let registry = Registry::new(self.endpoints, default)?;
        Ok((self.router, Arc::new(registry)))
    }
}

impl<S> Default for App<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the endpoints; a Router does not tell its routes.
impl<S> fmt::Debug for App<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

impl<S> From<Router<S>> for App<S> {
    fn from(router: Router<S>) -> Self {
        Self {
            router,
            endpoints: Vec::new(),
            has_others: true,
        }
    }
}
