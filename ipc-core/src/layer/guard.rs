//! Deadlines, panics and what must not reach a handler.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Failure, Outcome, Reason, Refusal, Reply};
use crate::envelope::{Deadline, Problem, UnixMillis};
use crate::transport::Transport;

/// Makes [`Guard`]s.
#[derive(Clone)]
pub struct GuardLayer {
    transport: Arc<dyn Transport>,
    unknown_endpoint_grace: Duration,
}

impl GuardLayer {
    /// A guard that reads the clock of `transport`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, unknown_endpoint_grace: Duration) -> Self {
        Self {
            transport,
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
    unknown_endpoint_grace: Duration,
}

impl<S> Service<Delivery> for Guard<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = GuardFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut delivery: Delivery) -> Self::Future {
        let now = self.transport.now();
        let facts = Facts::of(&delivery, now, self.unknown_endpoint_grace);
        if let Some(outcome) = refuse(&delivery, now) {
            return GuardFuture::ended(outcome, facts);
        }
        let timeout = delivery.policy.timeout;
        let left = deadline(&delivery).map_or(timeout, |it| it.remaining(now).min(timeout));
        let finish_by = Instant::now() + left;
        delivery.finish_by = finish_by;
        delivery.answer_by = Some(now.plus(left));
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(delivery))) {
            Ok(handler) => GuardFuture {
                ended: None,
                handler: Some(handler),
                late: None,
                finish_by,
                facts,
            },
            Err(_panic) => GuardFuture::ended(facts.panicked(), facts),
        }
    }
}

pin_project! {
    /// A handler within its bounds.
    pub struct GuardFuture<F> {
        // Before it began: a record that no handler sees.
        ended: Option<Outcome>,
        #[pin]
        handler: Option<F>,
        // Made when the handler first waits: most never do.
        #[pin]
        late: Option<Sleep>,
        finish_by: Instant,
        facts: Facts,
    }
}

impl<F> GuardFuture<F> {
    fn ended(outcome: Outcome, facts: Facts) -> Self {
        Self {
            ended: Some(outcome),
            handler: None,
            late: None,
            finish_by: Instant::now(),
            facts,
        }
    }
}

impl<F> Future for GuardFuture<F>
where
    F: Future<Output = Result<Outcome, Infallible>>,
{
    type Output = Result<Outcome, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(outcome) = this.ended.take() {
            return Poll::Ready(Ok(outcome));
        }
        let Some(handler) = this.handler.as_pin_mut() else {
            return Poll::Pending;
        };
        match catch_unwind(AssertUnwindSafe(|| handler.poll(cx))) {
            Ok(Poll::Ready(Ok(outcome))) => return Poll::Ready(Ok(this.facts.judge(outcome))),
            Ok(Poll::Ready(Err(never))) => match never {},
            Ok(Poll::Pending) => {}
            Err(_panic) => return Poll::Ready(Ok(this.facts.panicked())),
        }
        if this.late.is_none() {
            this.late.set(Some(sleep_until(*this.finish_by)));
        }
        match this.late.as_pin_mut() {
            Some(late) => late.poll(cx).map(|()| Ok(this.facts.timed_out())),
            None => Poll::Pending,
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
#[derive(Debug)]
struct Facts {
    is_call: bool,
    age: Duration,
    max_age: Duration,
    grace: Duration,
}

impl Facts {
    fn of(delivery: &Delivery, now: UnixMillis, grace: Duration) -> Self {
        let written = delivery.origin.timestamp.millis();
        Self {
            is_call: delivery.head.is_call(),
            age: written.map_or(Duration::ZERO, |written| now.since(written)),
            max_age: delivery.policy.max_age,
            grace,
        }
    }

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
