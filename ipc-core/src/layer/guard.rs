//! Deadlines, panics and what must not reach a handler.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{Layer, Service};

use crate::dispatch::{Cause, Delivery, Failure, Outcome, Reason, Refusal, Repeat, Reply};
use crate::envelope::Problem;

/// Makes [`Guard`]s.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    unknown_endpoint_grace: Duration,
}

impl GuardLayer {
    /// One-ways for an endpoint nobody knows wait for so long after they were
    /// written for one to appear.
    #[must_use]
    pub const fn new(unknown_endpoint_grace: Duration) -> Self {
        Self {
            unknown_endpoint_grace,
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            unknown_endpoint_grace: self.unknown_endpoint_grace,
        }
    }
}

/// Lets a record through only while it can still be of use, bounds how long its
/// handler runs, and turns a panic into an outcome.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
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
        let now = delivery.began_at;
        let timeout = delivery.policy.timeout;
        let left = delivery
            .deadline()
            .map_or(timeout, |it| it.remaining(now).min(timeout));
        delivery.finish_by = delivery.began + left;
        delivery.answer_by = Some(now.plus(left));
        let bounds = Bounds {
            delivery: delivery.clone(),
            unknown_endpoint_grace: self.unknown_endpoint_grace,
        };
        let run = match refuse(&delivery) {
            Some(outcome) => Run::ended(outcome),
            None => match catch_unwind(AssertUnwindSafe(|| self.inner.call(delivery))) {
                Ok(handler) => Run::Handled { handler },
                Err(_panic) => Run::ended(bounds.panicked()),
            },
        };
        GuardFuture {
            run,
            late: None,
            bounds,
        }
    }
}

pin_project! {
    /// A handler within its bounds.
    pub struct GuardFuture<F> {
        #[pin]
        run: Run<F>,
        // Made when the handler first waits: most never do.
        late: Option<Pin<Box<Sleep>>>,
        bounds: Bounds,
    }
}

pin_project! {
    #[project = RunProjection]
    enum Run<F> {
        // Before it began: a record that no handler sees.
        Ended { outcome: Option<Outcome> },
        Handled { #[pin] handler: F },
    }
}

impl<F> Run<F> {
    fn ended(outcome: Outcome) -> Self {
        let outcome = Some(outcome);
        Self::Ended { outcome }
    }
}

impl<F> Future for GuardFuture<F>
where
    F: Future<Output = Result<Outcome, Infallible>>,
{
    type Output = Result<Outcome, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let bounds = this.bounds;
        let handler = match this.run.project() {
            RunProjection::Handled { handler } => handler,
            RunProjection::Ended { outcome } => {
                return outcome
                    .take()
                    .map_or(Poll::Pending, |it| Poll::Ready(Ok(it)));
            }
        };
        match catch_unwind(AssertUnwindSafe(|| handler.poll(cx))) {
            Ok(Poll::Ready(Ok(outcome))) => return Poll::Ready(Ok(bounds.judge(outcome))),
            Ok(Poll::Ready(Err(never))) => match never {},
            Ok(Poll::Pending) => {}
            Err(_panic) => return Poll::Ready(Ok(bounds.panicked())),
        }
        let next = bounds.next();
        let late = this.late.get_or_insert_with(|| Box::pin(sleep_until(next)));
        // It is told sooner where it has asked since, and ends later where it was told.
        if late.deadline() != next {
            late.as_mut().reset(next);
        }
        ready!(late.as_mut().poll(cx));
        let Some(token) = bounds.delivery.untold() else {
            return Poll::Ready(Ok(bounds.timed_out()));
        };
        token.cancel();
        late.as_mut().reset(bounds.delivery.finish_by);
        late.as_mut().poll(cx).map(|()| Ok(bounds.timed_out()))
    }
}

/// For so long before its time is over a handler that asked is told: a tenth of the
/// time it had, and at most a second.
fn last_words(whole: Duration) -> Duration {
    (whole / 10).min(Duration::from_secs(1))
}

/// Why this record must not be handled, as what becomes of it.
fn refuse(delivery: &Delivery) -> Option<Outcome> {
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
        Some(Refusal::Output(error)) => {
            tracing::error!(%error, "what a handler wrote cannot be written");
            let problem = Problem::new("output-refused", "What was done could not be kept", 500);
            return Some(match is_call {
                true => Outcome::Reply(problem.into()),
                false => failed(Reason::ServerError, error.to_string()),
            });
        }
        Some(Refusal::CallLoop) => {
            let problem = Problem::new("call-loop", "The call waits for itself", 508);
            return Some(answer_or_fail(is_call, problem));
        }
        Some(Refusal::Stopped(cause)) => return Some(stopped(*cause)),
        Some(Refusal::Quarantined { deaths }) => return Some(quarantined(is_call, *deaths)),
        None => {}
    }
    let deadline = delivery.deadline()?;
    if !deadline.expired(delivery.began_at) {
        None
    } else if is_call {
        Some(Outcome::Reply(expired()))
    } else {
        Some(failed(Reason::Expired, "the sender's deadline has passed"))
    }
}

fn answer_or_fail(is_call: bool, problem: Problem) -> Outcome {
    if is_call {
        return Outcome::Reply(problem.into());
    }
    failed(Reason::ClientError, problem.to_string())
}

fn quarantined(is_call: bool, deaths: u32) -> Outcome {
    let detail = format!("{deaths} processes ended while it was handled");
    if !is_call {
        return failed(Reason::Quarantined, detail);
    }
    let problem = Problem::new("quarantined", "The request is not handled any more", 500);
    let reply = Reply::from(problem.with_detail(detail)).because(Reason::Quarantined);
    Outcome::Reply(reply.repeated(Repeat::Never))
}

/// Only calls are told: a one-way has time.
fn stopped(cause: Cause) -> Outcome {
    let (problem, after) = match cause {
        Cause::Operator => (Problem::new("paused", "The endpoint is paused", 503), "10"),
        Cause::Store => (store_away(), "1"),
    };
    let mut reply = Reply::from(problem);
    reply.headers.push_static("retry-after", after);
    Outcome::Reply(reply)
}

/// What a call is told that waits for the dedup store in vain.
pub(super) fn store_away() -> Problem {
    Problem::new("dedup-store-away", "The dedup store does not answer", 503)
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

/// What bounds a run, and what it comes to beyond them.
#[derive(Debug)]
struct Bounds {
    delivery: Delivery,
    unknown_endpoint_grace: Duration,
}

impl Bounds {
    /// When its time is over, or it is to be told that it is nearly so.
    #[inline]
    fn next(&self) -> Instant {
        let finish_by = self.delivery.finish_by;
        match self.delivery.untold() {
            Some(_) => finish_by - last_words(finish_by - self.delivery.began),
            None => finish_by,
        }
    }

    /// Bounds how long a one-way may wait.
    #[inline]
    fn judge(&self, outcome: Outcome) -> Outcome {
        let max_age = self.delivery.policy.max_age;
        match outcome {
            Outcome::NotNow { .. } if self.age() > max_age => failed(
                Reason::TooOld,
                format!("not handled within {max_age:?} of being written"),
            ),
            Outcome::Failed(failure)
                if failure.reason == Reason::UnknownEndpoint
                    && self.age() <= self.unknown_endpoint_grace =>
            {
                Outcome::NotNow { after: None }
            }
            // It has waited long enough for an endpoint to appear.
            Outcome::Failed(failure) if failure.reason == Reason::UnknownEndpoint => {
                failed(failure.reason, failure.message)
            }
            outcome => outcome,
        }
    }

    /// How old the record was when its run began.
    fn age(&self) -> Duration {
        let written = self.delivery.home().timestamp.millis();
        let since = |written| self.delivery.began_at.since(written);
        written.map_or(Duration::ZERO, since)
    }

    fn panicked(&self) -> Outcome {
        if self.delivery.head.is_call() {
            let problem = Problem::new("panic", "The handler panicked", 500);
            let problem = match &self.delivery.head.correlation_id {
                Some(id) => problem.with_correlation_id(id),
                None => problem,
            };
            Outcome::Reply(Reply::from(problem).because(Reason::Panic))
        } else {
            failed(Reason::Panic, "the handler panicked")
        }
    }

    fn timed_out(&self) -> Outcome {
        if self.delivery.head.is_call() {
            return Outcome::Reply(expired().because(Reason::Timeout));
        }
        Outcome::Failed(Failure {
            reason: Reason::Timeout,
            retryable: true,
            message: Cow::Borrowed("the handler did not finish in time"),
        })
    }
}
