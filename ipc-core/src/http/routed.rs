//! Telling an endpoint nobody knows from one that answered 404.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::Request;
use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::Response;
use axum::routing::Route;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// What a router made of a request; a response extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Routed {
    /// A route took it.
    Matched,
    /// The fallback took it.
    Unmatched,
}

/// Makes a router say in its responses whether a route or the fallback
/// answered.
///
/// A one-way record that no route takes waits for a while, because in a rolling
/// deploy another instance may know its endpoint; one whose route answers 404 is
/// given up at once. Without the mark every 404 is the second kind.
pub fn mark_matched(router: Router) -> Router {
    // A layer and not a route layer, which panics on a router without routes.
    //
    // Its state is given first: the layer then goes around each route once, and not
    // anew for each request.
    router.with_state(()).layer(MarkLayer)
}

#[derive(Clone, Copy)]
struct MarkLayer;

impl Layer<Route> for MarkLayer {
    type Service = Mark;

    fn layer(&self, route: Route) -> Mark {
        Mark { route }
    }
}

#[derive(Clone)]
struct Mark {
    route: Route,
}

impl Service<Request<Body>> for Mark {
    type Response = Response;
    type Error = Infallible;
    type Future = Marked<<Route as Service<Request<Body>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Route as Service<Request<Body>>>::poll_ready(&mut self.route, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let routed = match request.extensions().get::<MatchedPath>() {
            Some(_) => Routed::Matched,
            None => Routed::Unmatched,
        };
        Marked {
            inner: self.route.call(request),
            routed,
        }
    }
}

pin_project! {
    struct Marked<F> {
        #[pin]
        inner: F,
        routed: Routed,
    }
}

impl<F> Future for Marked<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut response {
            response.extensions_mut().insert(*this.routed);
        }
        Poll::Ready(response)
    }
}
