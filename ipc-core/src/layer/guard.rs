//! Deadlines, panics and what must not reach a handler.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Failure, Outcome, Reason, Refusal, Reply};
use crate::envelope::{Chain, Context as CallContext, Deadline, Problem, UnixMillis};
use crate::transport::Transport;

/// Makes [`Guard`]s.
#[derive(Clone)]
pub struct GuardLayer {
    transport: Arc<dyn Transport>,
    service: Arc<str>,
    unknown_endpoint_grace: Duration,
}

impl GuardLayer {
    /// A guard of `service` that reads the clock of `transport`.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        service: Arc<str>,
        unknown_endpoint_grace: Duration,
    ) -> Self {
        Self {
            transport,
            service,
            unknown_endpoint_grace,
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            transport: Arc::clone(&self.transport),
            service: Arc::clone(&self.service),
            unknown_endpoint_grace: self.unknown_endpoint_grace,
        }
    }
}

/// Lets a record through only while it can still be of use, bounds how long its
/// handler runs, and turns a panic into an outcome.
#[derive(Clone)]
pub struct Guard<S> {
    inner: S,
    transport: Arc<dyn Transport>,
    service: Arc<str>,
    unknown_endpoint_grace: Duration,
}

impl<S> Service<Delivery> for Guard<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Outcome, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut delivery: Delivery) -> Self::Future {
        let now = self.transport.now();
        if let Some(outcome) = refuse(&delivery, now) {
            return Box::pin(std::future::ready(Ok(outcome)));
        }
        let chain = self.join_chain(&delivery);
        let timeout = delivery.policy.timeout;
        let left = deadline(&delivery).map_or(timeout, |it| it.remaining(now).min(timeout));
        delivery.finish_by = Instant::now() + left;
        let facts = Facts {
            is_call: delivery.head.is_call(),
            age: delivery
                .origin
                .timestamp
                .millis()
                .map_or(Duration::ZERO, |written| now.since(written)),
            max_age: delivery.policy.max_age,
            grace: self.unknown_endpoint_grace,
        };
        let finish_by = delivery.finish_by;
        let context = CallContext {
            deadline: Some(now.plus(left)),
            trace: delivery.head.trace.clone(),
            chain,
        };
        let inner = context.clone().sync_scope(|| self.inner.call(delivery));
        let handled = AssertUnwindSafe(context.scope(inner)).catch_unwind();
        Box::pin(async move {
            let outcome = match timeout_at(finish_by, handled).await {
                Ok(Ok(Ok(outcome))) => facts.judge(outcome),
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(_panic)) => facts.panicked(),
                Err(_elapsed) => facts.timed_out(),
            };
            Ok(outcome)
        })
    }
}

impl<S> Guard<S> {
    /// The lanes held by the callers above and by this delivery.
    fn join_chain(&self, delivery: &Delivery) -> Chain {
        let chain = &delivery.head.chain;
        match &delivery.envelope.key {
            Some(key) => chain.with(&self.service, key),
            None => chain.clone(),
        }
    }
}

/// Why this record must not be handled, as what becomes of it.
fn refuse(delivery: &Delivery, now: UnixMillis) -> Option<Outcome> {
    let is_call = delivery.head.is_call();
    match &delivery.refusal {
        Some(Refusal::ReplyTopic) => {
            let topic = delivery
                .head
                .reply_to
                .as_ref()
                .map_or("", |address| &*address.topic);
            tracing::warn!(
                topic,
                "reply topic refused: allow it with Service::builder(..).reply_topics(..)"
            );
            return Some(failed(
                Reason::ReplyTopicRefused,
                format!("reply topic {topic} is not on this service's allow-list"),
            ));
        }
        Some(Refusal::Malformed(fault)) if is_call => {
            let problem = Problem::new("malformed-request", "The request cannot be read", 400)
                .with_detail(fault.to_string());
            let reply = Reply::from(problem).because(Reason::Undecodable);
            return Some(Outcome::Reply(reply));
        }
        Some(Refusal::Malformed(fault)) => {
            return Some(failed(Reason::Undecodable, fault.to_string()));
        }
        Some(Refusal::TooLarge { limit }) => {
            let detail = format!("the body has more than {limit} bytes");
            let problem = Problem::new("body-too-large", "The body is too large", 413);
            return Some(answer_or_fail(is_call, problem.with_detail(detail)));
        }
        Some(Refusal::Busy) => {
            let problem = Problem::new("busy", "Too many large requests are arriving", 503);
            return Some(answer_or_fail(is_call, problem));
        }
        Some(Refusal::CallLoop) => {
            let problem = Problem::new("call-loop", "The call waits for itself", 508);
            return Some(answer_or_fail(is_call, problem));
        }
        None => {}
    }
    let deadline = deadline(delivery)?;
    if !deadline.expired(now) {
        None
    } else if is_call {
        Some(Outcome::Reply(expired()))
    } else {
        Some(failed(Reason::Expired, "the sender's deadline has passed"))
    }
}

/// The caller's deadline. A call without one, as a foreign caller sends it,
/// counts from when it was written.
fn deadline(delivery: &Delivery) -> Option<Deadline> {
    let head = &delivery.head;
    let written = delivery.origin.timestamp.millis();
    head.deadline.or_else(|| {
        let at = written
            .filter(|_| head.is_call())?
            .plus(delivery.policy.timeout);
        Some(Deadline { at, budget: None })
    })
}

fn answer_or_fail(is_call: bool, problem: Problem) -> Outcome {
    if is_call {
        return Outcome::Reply(problem.into());
    }
    failed(Reason::ClientError, problem.to_string())
}

fn expired() -> Reply {
    let problem = Problem::new("deadline-exceeded", "The deadline has passed", 504);
    Reply::from(problem).because(Reason::Expired)
}

fn failed(reason: Reason, message: impl Into<Cow<'static, str>>) -> Outcome {
    Outcome::Failed(Failure {
        reason,
        retryable: false,
        message: message.into(),
    })
}

/// What the guard remembers of a delivery while its handler has it.
struct Facts {
    is_call: bool,
    age: Duration,
    max_age: Duration,
    grace: Duration,
}

impl Facts {
    /// Bounds how long a one-way may wait.
    fn judge(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::NotNow { .. } if self.age > self.max_age => failed(
                Reason::TooOld,
                format!("not handled within {:?} of being written", self.max_age),
            ),
            Outcome::Failed(failure)
                if failure.reason == Reason::UnknownEndpoint && self.age <= self.grace =>
            {
                Outcome::NotNow { after: None }
            }
            outcome => outcome,
        }
    }

    fn panicked(&self) -> Outcome {
        if self.is_call {
            let problem = Problem::new("panic", "The handler panicked", 500);
            Outcome::Reply(Reply::from(problem).because(Reason::Panic))
        } else {
            failed(Reason::Panic, "the handler panicked")
        }
    }

    fn timed_out(&self) -> Outcome {
        if self.is_call {
            return Outcome::Reply(expired().because(Reason::Timeout));
        }
        Outcome::Failed(Failure {
            reason: Reason::Timeout,
            retryable: true,
            message: Cow::Borrowed("the handler did not finish in time"),
        })
    }
}
