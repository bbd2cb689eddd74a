//! How slowly a client may send a body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use ipc_core::envelope::Problem;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Limits;

/// How slowly a client may send a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// How long it may fall silent.
    silence: Duration,
    /// Bytes a second in the long run.
    rate: usize,
}

impl Pace {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            silence: limits.body_timeout,
            rate: limits.body_rate,
        }
    }

    /// How long a client may be waited for in all that has sent so many bytes.
    fn patience(self, bytes: u64) -> Duration {
        let rate = u32::try_from(self.rate).unwrap_or(u32::MAX).max(1);
        let earned = Duration::from_secs(bytes) / rate;
        self.silence.saturating_add(earned)
    }
}

/// A body does not come at the pace it must.
#[derive(Debug, thiserror::Error)]
#[error("the client sends its body too slowly")]
pub(super) struct TooSlow(Pace);

impl TooSlow {
    /// What the client is told.
    pub(super) fn problem(&self) -> Problem {
        let Pace { silence, rate } = self.0;
        Problem::new("body-too-slow", "the request's body comes too slowly", 408).with_detail(
            format!(
                "it may pause for {} ms, and must come with {rate} bytes a second in the long run",
                silence.as_millis()
            ),
        )
    }
}

pin_project! {
    /// A body that fails with [`TooSlow`] where its client does not keep the pace. Only
    /// what is waited for the client counts, not what it waits for.
    pub(super) struct Paced {
        #[pin]
        body: Body,
        pace: Pace,
        bytes: u64,
        // What the client was waited for in all, before it is now.
        waited: Duration,
        waiting: Option<Waiting>,
    }
}

/// The client is waited for.
struct Waiting {
    since: Instant,
    /// Boxed so that a body which comes at once costs nothing.
    at_most: Pin<Box<Sleep>>,
}

impl Paced {
    pub(super) fn new(body: Body, pace: Pace) -> Self {
        Self {
            body,
            pace,
            bytes: 0,
            waited: Duration::ZERO,
            waiting: None,
        }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            if let Some(waiting) = this.waiting.take() {
                *this.waited += waiting.since.elapsed();
            }
            if let Some(Ok(frame)) = &frame {
                *this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            return Poll::Ready(frame);
        }
        let waiting = this.waiting.get_or_insert_with(|| {
            let since = Instant::now();
            let left = this.pace.patience(*this.bytes).saturating_sub(*this.waited);
            Waiting {
                since,
                at_most: Box::pin(sleep_until(since + left.min(this.pace.silence))),
            }
        });
        ready!(waiting.at_most.as_mut().poll(cx));
        Poll::Ready(Some(Err(axum::Error::new(TooSlow(*this.pace)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a body came too slowly, where that is among the causes of `error`.
pub(super) fn too_slow<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e TooSlow> {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref())
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, StreamExt};
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PACE: Pace = Pace {
        silence: Duration::from_secs(10),
        rate: 100,
    };

    /// A body of so many pieces of so many bytes, each after a pause.
    fn dripping(pieces: usize, bytes: usize, pause: Duration) -> Body {
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            sleep(pause).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))
        });
        Body::from_stream(pieces)
    }

    async fn taken(body: Body) -> Result<usize, Duration> {
        let began = Instant::now();
        let read = Paced::new(body, PACE).collect().await;
        match read {
            Ok(body) => Ok(body.to_bytes().len()),
            Err(error) => {
                assert!(too_slow(&error).is_some(), "{error:?}");
                Err(began.elapsed())
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_at_its_pace_is_taken_however_long_it_is() {
        let body = dripping(1000, 500, 5 * SECOND);

        assert_eq!(taken(body).await, Ok(500_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_falls_silent_is_given_up_whatever_came_before() {
        let body = dripping(1, 1_000_000, SECOND).into_data_stream();
        let body = Body::from_stream(body.chain(stream::pending()));

        assert_eq!(taken(body).await, Err(SECOND + PACE.silence));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_although_it_never_falls_silent() {
        let body = dripping(1000, 1, SECOND);

        let given_up = taken(body).await.expect_err("it is too slow");

        assert!(given_up <= PACE.silence + SECOND, "{given_up:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_body_waits_for_its_reader_does_not_count() {
        let body = Body::from_stream(stream::iter(
            (0..10).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"x"))),
        ));
        let mut body = Paced::new(body, PACE);

        let mut taken = 0;
        while let Some(frame) = body.frame().await {
            frame.expect("it is not too slow");
            taken += 1;
            sleep(60 * SECOND).await;
        }

        assert_eq!(taken, 10);
    }
}
