//! A reply stream that is written down while it goes out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep_until, timeout};

use super::desk::{Desk, Lost, spoilt};
use crate::dispatch::{BodyError, BodyStream};
use crate::envelope::Problem;
use crate::layer::guard;
use crate::store::{Claimed, Effects, StoredBody, StoredReply};

/// An extension of the lease may be missed twice before it is over.
const EXTENSIONS: u32 = 3;

/// A stream whose claim is held for as long as it goes on, and under which its
/// replies are stored before its end goes out. Dropped early, or ended by an error, it
/// releases the claim: the next request is the first.
pub(super) struct Recording {
    desk: Arc<Desk>,
    replies: BodyStream,
    claimed: Box<dyn Claimed>,
    effects: Effects,
    /// Its status and headers.
    head: StoredReply,
    /// `None` where it has become longer than may be kept.
    kept: Option<Vec<Bytes>>,
    length: u64,
    most: usize,
    lease: Duration,
    extend_at: Instant,
}

impl Recording {
    pub(super) fn new(
        desk: &Arc<Desk>,
        claimed: Box<dyn Claimed>,
        (head, effects): (StoredReply, Effects),
        most: usize,
        replies: BodyStream,
    ) -> Self {
        let lease = desk.settings.lease_margin;
        Self {
            desk: Arc::clone(desk),
            replies,
            claimed,
            effects,
            head,
            kept: (most > 0).then(Vec::new),
            length: 0,
            most,
            lease,
            extend_at: Instant::now(),
        }
    }

    pub(super) fn into_stream(self) -> BodyStream {
        let next = |recording: Option<Self>| async { recording?.next().await };
        Box::pin(stream::unfold(Some(self), next))
    }

    /// The next reply, and what comes after it.
    async fn next(mut self) -> Option<(Result<Bytes, BodyError>, Option<Self>)> {
        loop {
            if Instant::now() >= self.extend_at && !self.extend().await {
                return broken(taken_over());
            }
            let next = tokio::select! {
                biased;
                next = self.replies.next() => next,
                () = sleep_until(self.extend_at) => continue,
            };
            return match next {
                Some(Ok(reply)) => {
                    self.keep(&reply);
                    Some((Ok(reply), Some(self)))
                }
                Some(Err(error)) => {
                    self.claimed.release().await;
                    Some((Err(error), None))
                }
                None => self.finish().await,
            };
        }
    }

    /// Whether the claim still holds, as far as can be told: a store that is away is
    /// asked again.
    async fn extend(&mut self) -> bool {
        self.extend_at = Instant::now() + self.lease / EXTENSIONS;
        match self.claimed.extend(self.lease).await {
            Ok(holds) => {
                self.desk.health.reachable();
                holds
            }
            Err(error) => {
                self.desk.health.away(error.to_string());
                true
            }
        }
    }

    fn keep(&mut self, reply: &Bytes) {
        self.length += reply.len() as u64;
        let Some(kept) = &mut self.kept else {
            return;
        };
        // An empty one is no record either.
        if !reply.is_empty() {
            kept.push(reply.clone());
        }
        if self.length > self.most as u64 {
            self.kept = None;
        }
    }

    /// Stores the replies. The end goes out only where they are: who has seen it sees
    /// the same again.
    async fn finish(self) -> Option<(Result<Bytes, BodyError>, Option<Self>)> {
        let mut stored = self.head;
        stored.body = match self.kept {
            Some(replies) => StoredBody::Stream(replies),
            None => {
                let length = Some(self.length);
                StoredBody::TooLarge { length }
            }
        };
        let finished = self.desk.finish(self.claimed, &stored, self.effects);
        match timeout(self.lease, finished).await {
            Ok(Ok(())) => None,
            Ok(Err(Lost::Elsewhere)) => broken(taken_over()),
            Ok(Err(Lost::Undone)) => broken(spoilt()),
            Err(_) => broken(guard::store_away()),
        }
    }
}

fn broken(problem: Problem) -> Option<(Result<Bytes, BodyError>, Option<Recording>)> {
    Some((Err(BodyError(problem)), None))
}

/// The claim was over before the stream was.
fn taken_over() -> Problem {
    Problem::new(
        "request-taken-over",
        "Another instance has taken the request over",
        409,
    )
}
