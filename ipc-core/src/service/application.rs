//! What a service can serve.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};

use crate::dispatch::{Delivery, Outcome, Policies, Policy};
use crate::http::{HttpAdapter, mark_matched};
use crate::routing::{App, RouteConflicts};

/// Something a service can serve: an axum Router as it is, an [`App`], or any
/// HTTP service through [`HttpService`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an application a service can serve",
    note = "an axum `Router<()>`, an `App<()>` or `HttpService(any tower HTTP service)` is: \
            give a Router or App its state first"
)]
pub trait Application {
    /// The service behind dispatch.
    type Handler: tower::Service<Delivery, Response = Outcome, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static;

    /// Takes the application apart. `default` is the policy of whatever says
    /// nothing else.
    ///
    /// # Errors
    ///
    /// Where its endpoints contradict each other.
    fn prepare(self, default: Policy) -> Result<Prepared<Self::Handler>, RouteConflicts>;
}

/// An application, ready to be served.
#[expect(
    missing_debug_implementations,
    reason = "made to be taken apart at once"
)]
pub struct Prepared<H> {
    /// The service behind dispatch.
    pub handler: H,
    /// Finds each record's policy.
    pub policies: Arc<dyn Policies>,
    /// Topics beside the service's request topic that endpoints name as theirs.
    pub topics: Vec<String>,
    /// Whether requests may be handled that no endpoint is for: by a route that is
    /// none, or a fallback.
    pub others: bool,
}

/// Any HTTP service: the back end of another framework, a proxy, a test double.
#[derive(Clone, Debug)]
pub struct HttpService<S>(pub S);

impl Application for Router {
    type Handler = HttpAdapter<Router>;

    fn prepare(self, default: Policy) -> Result<Prepared<Self::Handler>, RouteConflicts> {
        App::from(self).prepare(default)
    }
}

impl Application for App {
    type Handler = HttpAdapter<Router>;

    fn prepare(self, default: Policy) -> Result<Prepared<Self::Handler>, RouteConflicts> {
        let others = self.has_others();
        let (router, registry) = self.into_parts(default)?;
        let topics = registry
            .endpoints()
            .iter()
            .filter_map(|endpoint| endpoint.terms.topic.map(str::to_owned))
            .collect();
        Ok(Prepared {
            handler: HttpAdapter::new(mark_matched(router)),
            policies: registry,
            topics,
            others,
        })
    }
}

impl<S, B> Application for HttpService<S>
where
    S: tower::Service<Request<Body>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Handler = HttpAdapter<S>;

    fn prepare(self, default: Policy) -> Result<Prepared<Self::Handler>, RouteConflicts> {
        Ok(Prepared {
            handler: HttpAdapter::new(self.0),
            policies: Arc::new(Arc::new(default)),
            topics: Vec::new(),
            others: true,
        })
    }
}
