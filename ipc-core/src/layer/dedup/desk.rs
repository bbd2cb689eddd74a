//! The way of one delivery through the store.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use super::outliving::Outliving;
use super::recording::Recording;
use super::wait::{Pauses, Wait};
use super::{body, identity};
use crate::dispatch::{Delivery, Failure, Granted, Outcome, Reason, Reply, ReplyBody};
use crate::envelope::Problem;
use crate::health::StoreHealth;
use crate::layer::guard;
use crate::metrics::{ClaimResult, Metrics};
use crate::store::{
    Claim, ClaimRequest, Claimed, Dedup as Settings, Effects, FinishError, Place, StoreDown,
    StoreError, StoredReply,
};

/// Whoever waits for another owner or for the store comes back after so long.
const COME_BACK: Duration = Duration::from_secs(1);

/// Where claims are made for one instance of a service.
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) service: Arc<str>,
    pub(super) instance: Arc<str>,
    pub(super) metrics: Metrics,
    pub(super) health: Arc<StoreHealth>,
    pub(super) afterwards: TaskTracker,
}

/// Why a reply is not stored under its claim.
pub(super) enum Lost {
    /// What counts is what the store has, or the next one will do.
    Elsewhere,
    /// Nothing of the work is kept, nor would be the next time.
    Undone,
}

/// A call that the store was asked for in vain waits for so long, and with the others
/// once consumption has stopped.
const SOON: Duration = Duration::from_millis(10);

/// What asking for a claim came to.
enum Asked {
    Granted(Box<dyn Claimed>),
    /// It is handled as if there were no store.
    Unprotected,
    Ended(Outcome),
}

impl Desk {
    /// Has `handler` see the delivery if nobody has done its work before.
    pub(super) async fn handle<S>(self: Arc<Self>, mut handler: S, delivery: Delivery) -> Outcome
    where
        S: Service<Delivery, Response = Outcome, Error = Infallible>,
    {
        let id = match identity::of(&self.service, &delivery) {
            Ok(Some(id)) => id,
            Ok(None) => return run(&mut handler, delivery).await,
            Err(problem) => {
                self.count(ClaimResult::Refused);
                return refused(problem, &delivery);
            }
        };
        let fingerprint = identity::fingerprint(&delivery);
        let mut request = ClaimRequest::new(id, fingerprint, Arc::clone(&self.instance));
        request.keep = self.settings.keep;
        let from = &delivery.origin.partition;
        request.place = Some(Place {
            topic: Arc::clone(&from.topic),
            partition: from.partition,
            assignment: delivery.assignment(),
        });
        let mut wait = Wait::of(&delivery);
        // Whoever loses its claim asks again: the winner's reply is the answer.
        loop {
            let claimed = match self.ask(&mut request, &delivery, &mut wait).await {
                Asked::Granted(claimed) => claimed,
                Asked::Unprotected => return run(&mut handler, delivery).await,
                Asked::Ended(outcome) => return outcome,
            };
            let mut delivery = delivery.clone();
            delivery.granted = Some(Arc::new(Granted {
                fence: claimed.fence(),
                lent: claimed.lend(),
            }));
            let most = delivery.policy.max_reply.unwrap_or(self.settings.max_reply);
            let outcome = run(&mut handler, delivery).await;
            if let Some(outcome) = self.conclude(claimed, outcome, most).await {
                return outcome;
            }
        }
    }

    /// Asks until the work is granted, known to be done, or there is no more time.
    async fn ask(&self, request: &mut ClaimRequest, delivery: &Delivery, wait: &mut Wait) -> Asked {
        let mut waited = false;
        loop {
            request.patience = wait.left();
            request.lease = wait.left() + self.settings.lease_margin;
            let claim = match self.settings.store.claim(request).await {
                Ok(claim) => claim,
                Err(error) => return self.without_store(&error, delivery, wait),
            };
            self.health.answered();
            match claim {
                Claim::Granted(claimed) => {
                    self.count(granted(&*claimed));
                    return Asked::Granted(claimed);
                }
                Claim::Done(stored) => {
                    self.count(match waited {
                        true => ClaimResult::Waited,
                        false => ClaimResult::Replayed,
                    });
                    return Asked::Ended(replayed(stored, delivery));
                }
                Claim::Mismatch => {
                    self.count(ClaimResult::Mismatch);
                    return Asked::Ended(refused(mismatch(), delivery));
                }
                Claim::Running { lease_left } => {
                    waited = true;
                    if !delivery.head.is_call() {
                        let after = lease_left.map_or(COME_BACK, |left| left.min(COME_BACK));
                        return Asked::Ended(Outcome::NotNow { after: Some(after) });
                    }
                    if !wait.pause(lease_left).await {
                        self.count(ClaimResult::Conflict);
                        return Asked::Ended(come_back(conflict()));
                    }
                }
            }
        }
    }

    /// What becomes of a delivery while the store does not answer. Where its endpoint
    /// fails closed it goes back to wait for the store with the others, without a
    /// permit: whoever watches the store stops consumption.
    fn without_store(&self, error: &StoreError, delivery: &Delivery, wait: &Wait) -> Asked {
        self.health.away(error.to_string());
        let store_down = delivery.policy.store_down;
        if store_down.unwrap_or(self.settings.store_down) == StoreDown::FailOpen {
            self.count(ClaimResult::Unprotected);
            return Asked::Unprotected;
        }
        self.count(ClaimResult::Unavailable);
        Asked::Ended(if !delivery.head.is_call() {
            let after = Some(COME_BACK);
            Outcome::NotNow { after }
        } else if wait.left().is_zero() {
            come_back(guard::store_away())
        } else {
            let after = Some(SOON.min(wait.left()));
            Outcome::NotNow { after }
        })
    }

    /// Stores what the work came to, has it recorded while it goes out, or releases
    /// it. `None` where the claim was lost, and another's reply is to be looked for.
    async fn conclude(
        self: &Arc<Self>,
        claimed: Box<dyn Claimed>,
        mut outcome: Outcome,
        most: usize,
    ) -> Option<Outcome> {
        let kept = match &mut outcome {
            Outcome::Reply(reply) => match (body::head(reply), &mut reply.body) {
                (Some(head), ReplyBody::Stream(replies)) => {
                    let unrecorded = mem::replace(replies, Box::pin(stream::empty()));
                    let recording = Recording::new(self, claimed, head, most, unrecorded);
                    *replies = recording.into_stream();
                    return Some(outcome);
                }
                (Some(head), body) => body::whole(head, body, most).await,
                (None, _) => None,
            },
            Outcome::Done => Some((
                StoredReply::new(202, Vec::new(), Bytes::new()),
                Effects::Keep,
            )),
            _ => None,
        };
        let Some((reply, effects)) = kept else {
            claimed.release().await;
            return Some(outcome);
        };
        let desk = Arc::clone(self);
        let stored = async move { desk.finish(claimed, &reply, effects).await };
        // The lease goes on for as long beyond the delivery's time.
        let bound = self.settings.lease_margin;
        match Outliving::new(stored, &self.afterwards, bound).await {
            Ok(()) => Some(outcome),
            Err(Lost::Elsewhere) => None,
            Err(Lost::Undone) => Some(undone(&outcome)),
        }
    }

    /// Stores a reply; a store that cannot say whether it did is asked until it can.
    pub(super) async fn finish(
        &self,
        mut claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), Lost> {
        let mut pauses = Pauses::default();
        loop {
            match claimed.finish(reply, effects).await {
                Ok(()) => return Ok(()),
                Err(FinishError::Fenced) => {
                    self.count(ClaimResult::Fenced);
                    return Err(Lost::Elsewhere);
                }
                Err(FinishError::Undone(error)) => {
                    self.count(ClaimResult::Undone);
                    tracing::error!(%error, "a request is handled and nothing of it is kept");
                    return Err(Lost::Undone);
                }
                Err(FinishError::Unknown {
                    error,
                    claimed: again,
                }) => {
                    self.health.away(error.to_string());
                    pauses.next().await;
                    claimed = again.ok_or(Lost::Elsewhere)?;
                }
            }
        }
    }

    fn count(&self, result: ClaimResult) {
        self.metrics.dedup().claimed(result);
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

async fn run<S>(handler: &mut S, delivery: Delivery) -> Outcome
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    let ready = match handler.ready().await {
        Ok(ready) => ready,
        Err(never) => match never {},
    };
    match ready.call(delivery).await {
        Ok(outcome) => outcome,
        Err(never) => match never {},
    }
}

fn granted(claimed: &dyn Claimed) -> ClaimResult {
    if claimed.took_over() {
        ClaimResult::TakenOver
    } else {
        ClaimResult::Granted
    }
}

fn replayed(stored: StoredReply, delivery: &Delivery) -> Outcome {
    if delivery.head.is_call() {
        return Outcome::Reply(body::replay(stored, delivery));
    }
    Outcome::Done
}

/// What a handler's outcome becomes where the store could not keep it.
fn undone(outcome: &Outcome) -> Outcome {
    let problem = spoilt();
    if let Outcome::Reply(_) = outcome {
        return Outcome::Reply(problem.into());
    }
    Outcome::Failed(Failure {
        reason: Reason::ServerError,
        retryable: true,
        message: problem.to_string().into(),
    })
}

/// A request that no repetition mends.
fn refused(problem: Problem, delivery: &Delivery) -> Outcome {
    if delivery.head.is_call() {
        return Outcome::Reply(problem.into());
    }
    Outcome::Failed(Failure {
        reason: Reason::ClientError,
        retryable: false,
        message: problem.to_string().into(),
    })
}

fn come_back(problem: Problem) -> Outcome {
    let mut reply = Reply::from(problem);
    reply.headers.push_static("retry-after", "1");
    Outcome::Reply(reply)
}

fn mismatch() -> Problem {
    Problem::new(
        "idempotency-key-reused",
        "The idempotency key stands for another request",
        422,
    )
}

fn conflict() -> Problem {
    Problem::new("request-running", "The same request is being handled", 409)
}

pub(super) fn spoilt() -> Problem {
    Problem::new("undone", "What was done could not be kept", 500)
}
