//! Handlers with contracts, and lists of them.

use std::fmt;

use axum::routing::{MethodFilter, MethodRouter};

use crate::contract::{Contract, Terms};

/// A contract with a handler that needs the state `S`. `Via` tells axum's two
/// kinds of last arguments apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an endpoint for this application's state",
    note = "`#[endpoint(..)]` on an async function makes one",
    note = "its arguments must be axum extractors for the application's state; only the last one \
            may read the body"
)]
pub trait Endpoint<S, Via>: Contract {
    /// The handler, for requests of this method.
    fn route(method: MethodFilter) -> MethodRouter<S>;
}

/// A list of endpoints for [`App::endpoints`](super::App::endpoints), made by
/// [`endpoints!`](crate::endpoints).
#[must_use = "endpoints do nothing until an App is given them"]
pub struct Endpoints<S>(pub(super) Vec<Listed<S>>);

/// One endpoint of a list.
pub(super) struct Listed<S> {
    pub(super) terms: Terms,
    pub(super) route: fn(MethodFilter) -> MethodRouter<S>,
}

impl<S> Endpoints<S> {
    /// An empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an endpoint.
    pub fn with<E: Endpoint<S, Via>, Via>(mut self) -> Self {
        self.0.push(Listed {
            terms: E::TERMS,
            route: E::route,
        });
        self
    }
}

impl<S> fmt::Debug for Endpoints<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.0.iter().map(|listed| listed.terms);
        f.debug_list().entries(terms).finish()
    }
}

impl<S> Default for Endpoints<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// Lists endpoints by name, for [`App::endpoints`](crate::routing::App::endpoints).
///
/// ```
/// use ipc_core::prelude::*;
///
/// #[endpoint(GET "/ping")]
/// async fn ping() -> &'static str {
///     "pong"
/// }
///
/// let app: App = App::new().endpoints(endpoints![ping])?;
/// # Ok::<(), ipc_core::routing::RouteConflicts>(())
/// ```
#[macro_export]
macro_rules! endpoints {
    ($($endpoint:ty),* $(,)?) => {
        $crate::routing::Endpoints::new()$(.with::<$endpoint, _>())*
    };
}
