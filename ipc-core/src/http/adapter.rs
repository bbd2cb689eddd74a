//! The service that stands between dispatch and an HTTP application.

use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use ::http::{Method, Request, Response};
use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::FutureExt;
use tower::Service;

use super::pieces::panicked;
use super::response::{self, Asked};
use super::{request, status};
use crate::dispatch::{Delivery, Failure, Outcome, Reason, Repeat, Reply};
use crate::envelope::Problem;

/// Serves any HTTP service, an axum [`Router`](axum::Router) included, to
/// delivered records.
///
/// The service is called on the very clone that reported itself ready, so
/// back-pressure reaches dispatch. A panic of the handler is caught: a call is
/// answered 500, a one-way record fails with [`Reason::Panic`]. How long a
/// handler may run is not watched here; dispatch does that.
///
/// See the [module](super) for what crosses.
#[derive(Clone)]
pub struct HttpAdapter<S> {
    service: S,
}

impl<S> HttpAdapter<S> {
    /// Serves `service`. A Router goes through
    /// [`mark_matched`](super::mark_matched) first, so that one-way records for
    /// endpoints it does not know yet are kept.
    pub const fn new(service: S) -> Self {
        Self { service }
    }
}

impl<S> fmt::Debug for HttpAdapter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAdapter").finish_non_exhaustive()
    }
}

impl<S, B> Service<Delivery> for HttpAdapter<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Outcome, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let request = match request::from_delivery(&delivery) {
            Ok(request) => request,
            Err(problem) => {
                let outcome = refused(problem, Reason::Undecodable, &delivery);
                return Box::pin(std::future::ready(Ok(outcome)));
            }
        };
        let asked = Asked {
            accepts: delivery.head.accepts,
            mode: delivery.policy.mode,
            head_only: *request.method() == Method::HEAD,
        };
        // Called here: on its way into a future the request would be moved again.
        let called = catch_unwind(AssertUnwindSafe(|| self.service.call(request)));
        Box::pin(async move {
            let outcome = match called {
                Ok(response) => {
                    let answered = answer(response, asked, &delivery);
                    AssertUnwindSafe(answered).catch_unwind().await
                }
                Err(panic) => Err(panic),
            };
            Ok(outcome.unwrap_or_else(|_| refused(panicked(), Reason::Panic, &delivery)))
        })
    }
}

async fn answer<B>(
    response: impl Future<Output = Result<Response<B>, Infallible>>,
    asked: Asked,
    delivery: &Delivery,
) -> Outcome
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Ok(response) = response.await;
    let (parts, body) = response.into_parts();
    if !delivery.head.is_call() {
        return status::outcome(&parts, SystemTime::now());
    }
    match response::to_reply(parts, Body::new(body), asked).await {
        Ok(reply) => Outcome::Reply(reply),
        Err(problem) => refused(problem, Reason::ServerError, delivery),
    }
}

/// What becomes of a record for which there is a problem and no response.
fn refused(problem: Problem, reason: Reason, delivery: &Delivery) -> Outcome {
    let problem = match &delivery.head.correlation_id {
        Some(id) => problem.with_correlation_id(id),
        None => problem,
    };
    tracing::debug!(
        endpoint = %delivery.policy.name,
        partition = %delivery.origin.partition,
        offset = delivery.origin.offset,
        private = problem.private(),
        "{problem}"
    );
    if delivery.head.is_call() {
        return Outcome::Reply(Reply::from(problem).repeated(Repeat::Never));
    }
    Outcome::Failed(Failure {
        reason,
        retryable: false,
        message: problem.to_string().into(),
    })
}
