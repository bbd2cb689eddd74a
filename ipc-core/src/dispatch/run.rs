//! One record through its service, to the point where its offset may be stored.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tower::{Service, ServiceExt as _};

use super::job::Job;
use super::replier::Replier;
use super::{Delivery, Guarantee, Outcome, Reason, Reply, ReplyBody};
use crate::metrics::Settled;
use crate::transport::Consumer;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How a job's task ended.
#[derive(Debug)]
pub(super) enum Finished {
    /// Nothing is left to do; the offset may be stored.
    Settled(Settled),
    /// It has to wait, in its lane.
    Again { job: Box<Job>, after: Duration },
    /// It must be redelivered: the offset stays.
    Unsettled,
}

/// Runs `job`. A withdrawn one was cancelled before it began.
pub(super) async fn run<S>(
    service: S,
    mut job: Job,
    replier: Arc<Replier>,
    consumer: Arc<Consumer>,
    withdrawn: bool,
) -> Finished
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    if withdrawn {
        return Finished::Settled(Settled::Cancelled);
    }
    let delivery = &job.delivery;
    if delivery.policy.guarantee == Guarantee::AtMostOnce {
        let next = (
            delivery.origin.partition.clone(),
            delivery.origin.offset + 1,
        );
        if let Err(error) = consumer.commit(&[next]).await {
            tracing::warn!(%error, "at-most-once record waits: its offset is not committed");
            let after = backoff(job.waits);
            job.waits += 1;
            return Finished::Again {
                job: Box::new(job),
                after,
            };
        }
    }
    let outcome = match service.oneshot(delivery.clone()).await {
        Ok(outcome) => outcome,
        Err(never) => match never {},
    };
    match outcome {
        Outcome::Done => Finished::Settled(Settled::Done),
        Outcome::DeadLettered(reason) => Finished::Settled(Settled::DeadLetter(reason.as_str())),
        Outcome::Reply(reply) => {
            let settled = answered(&reply);
            match replier.answer(delivery, reply).await {
                Ok(()) => Finished::Settled(settled),
                Err(error) => {
                    tracing::warn!(%error, "reply not acknowledged; the request will be redelivered");
                    Finished::Unsettled
                }
            }
        }
        Outcome::NotNow { after } => {
            let after = after.unwrap_or_else(|| backoff(job.waits));
            job.waits += 1;
            Finished::Again {
                job: Box::new(job),
                after,
            }
        }
        // Without a dead-letter layer there is nowhere else to keep it.
        Outcome::Failed(failure) => {
            tracing::error!(
                reason = failure.reason.as_str(),
                "a failed record blocks its lane: no dead letter is configured"
            );
            job.waits += 1;
            let after = backoff(job.waits);
            Finished::Again {
                job: Box::new(job),
                after,
            }
        }
    }
}

/// The row of the outcome table an answer belongs to.
fn answered(reply: &Reply) -> Settled {
    match reply.cause {
        Some(Reason::Expired) => Settled::Expired,
        Some(Reason::Undecodable) => Settled::Undecodable,
        Some(Reason::UnknownEndpoint) => Settled::UnknownEndpoint,
        Some(Reason::Panic) => Settled::Panic,
        _ if matches!(reply.body, ReplyBody::Stream(_)) => Settled::StreamOpened,
        _ => Settled::reply(reply.status),
    }
}

fn backoff(waits: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(1 << waits.min(10))
        .min(LONGEST_WAIT)
}
