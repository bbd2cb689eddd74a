//! A span for each delivery, and what its handler's own calls inherit.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::Span;
use tracing::field::{Empty, display};

use crate::dispatch::{Delivery, Outcome};
use crate::envelope::context::{Context, Place, Scoped};
use crate::envelope::{Lane, TraceContext};

/// Says where in a trace a delivery's span stands, given the span and what the
/// request's `traceparent` said.
type Link = dyn Fn(&Span, Option<&TraceContext>) -> Option<TraceContext> + Send + Sync;

/// Makes [`Trace`]s.
#[derive(Clone)]
pub struct TraceLayer {
    service: Arc<str>,
    link: Arc<Link>,
}

impl TraceLayer {
    /// Spans of `service`.
    ///
    /// A span that a subscriber records continues the trace of the request, or
    /// begins one; where nobody records it, the request's own `traceparent` is
    /// handed on untouched.
    #[must_use]
    pub fn new(service: Arc<str>) -> Self {
        Self {
            service,
            link: Arc::new(follow),
        }
    }

    /// Lets `link` say where in a trace each span stands. It sees the span before
    /// it is entered and what the request's `traceparent` said; what it answers
    /// is what the handler's own calls send.
    ///
    /// This is where OpenTelemetry is connected: see `docs/tracing.md`.
    #[must_use]
    pub fn link<F>(mut self, link: F) -> Self
    where
        F: Fn(&Span, Option<&TraceContext>) -> Option<TraceContext> + Send + Sync + 'static,
    {
        self.link = Arc::new(link);
        self
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace {
            inner,
            settings: self.clone(),
            context: Arc::default(),
        }
    }
}

impl fmt::Debug for TraceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceLayer")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// Runs each handler in a span named `delivery` and in a [`Context`] of its own:
/// calls that it makes inherit its deadline, its trace and the lanes it holds.
///
/// The span has the fields `endpoint`, `topic`, `partition`, `offset`,
/// `correlation_id`, and the trace as `trace_id`, `span_id` and `parent_span_id`.
/// Nothing else of the record is in it: no payload, no header, no path.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
    settings: TraceLayer,
    /// The last delivery's, and the next one's if nobody runs in it any more.
    context: Arc<Context>,
}

impl<S> Trace<S> {
    /// What the calls of this delivery's handler inherit.
    fn context(&mut self, delivery: &Delivery, trace: Option<TraceContext>) -> Place {
        let context = Arc::make_mut(&mut self.context);
        context.deadline = delivery.answer_by;
        context.trace = trace;
        if !(context.chain.is_empty() && delivery.head.chain.is_empty()) {
            context.chain = delivery.head.chain.clone();
        }
        context.lane = delivery.envelope.key.as_ref().map(|key| Lane {
            service: Arc::clone(&self.settings.service),
            key: key.clone(),
        });
        context.shadow = delivery.head.shadow;
        Place::of(Arc::clone(&self.context))
    }
}

impl<S> Service<Delivery> for Trace<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = TraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let span = span(&delivery);
        let parent = delivery.head.trace.as_ref();
        let trace = (self.settings.link)(&span, parent);
        if let Some(trace) = &trace {
            record(&span, trace, parent);
        }
        let mut context = self.context(&delivery, trace);
        let handler = context.during(|| span.in_scope(|| self.inner.call(delivery)));
        TraceFuture {
            handler: context.scope(handler),
            span,
        }
    }
}

pin_project! {
    /// A handler in its span and its context.
    #[derive(Debug)]
    pub struct TraceFuture<F> {
        #[pin]
        handler: Scoped<F>,
        span: Span,
    }
}

impl<F: Future> Future for TraceFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        this.handler.poll(cx)
    }
}

fn span(delivery: &Delivery) -> Span {
    let origin = &delivery.origin;
    tracing::info_span!(
        "delivery",
        endpoint = &*delivery.policy.name,
        topic = &*origin.partition.topic,
        partition = origin.partition.partition,
        offset = origin.offset,
        correlation_id = delivery.head.correlation_id.as_ref().map(display),
        trace_id = Empty,
        span_id = Empty,
        parent_span_id = Empty,
    )
}

/// A new span below the request's, unless nobody records it.
fn follow(span: &Span, parent: Option<&TraceContext>) -> Option<TraceContext> {
    if span.is_disabled() {
        return parent.cloned();
    }
    Some(parent.map_or_else(|| TraceContext::root(true), TraceContext::child))
}

fn record(span: &Span, trace: &TraceContext, parent: Option<&TraceContext>) {
    span.record(
        "trace_id",
        display(format_args!("{:032x}", trace.trace_id())),
    );
    span.record("span_id", display(format_args!("{:016x}", trace.span_id())));
    if let Some(parent) = parent {
        span.record(
            "parent_span_id",
            display(format_args!("{:016x}", parent.span_id())),
        );
    }
}
