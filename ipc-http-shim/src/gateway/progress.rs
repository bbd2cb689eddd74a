//! A request body that shows how far it has come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tokio::time::Instant;

pin_project! {
    /// A body that notes when its last frame was taken.
    pub(super) struct Noted<B> {
        #[pin]
        body: B,
        taken: watch::Sender<Instant>,
    }
}

/// When the last frame of a body was taken.
#[derive(Debug)]
pub(super) struct Progress(watch::Receiver<Instant>);

/// Notes the progress of `body`, which starts now.
pub(super) fn note<B>(body: B) -> (Noted<B>, Progress) {
    let (taken, seen) = watch::channel(Instant::now());
    (Noted { body, taken }, Progress(seen))
}

impl Progress {
    /// Resolves once nothing was taken for `silence`. After the body's end no
    /// more is.
    ///
    /// # Cancel safety
    ///
    /// Safe: it starts from the same frame again.
    pub(super) async fn silent_for(&self, silence: Duration) {
        loop {
            let until = *self.0.borrow() + silence;
            tokio::time::sleep_until(until).await;
            if *self.0.borrow() + silence == until {
                return;
            }
        }
    }
}

impl<B: http_body::Body<Data = Bytes>> http_body::Body for Noted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(cx);
        if polled.is_ready() {
            this.taken.send_replace(Instant::now());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_frame() {
        let frames = stream::unfold(0, |sent| async move {
            if sent == 3 {
                return None;
            }
            sleep(SECOND).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), sent + 1))
        });
        let began = Instant::now();
        let (body, progress) = note(Body::from_stream(frames));

        let reading = async {
            body.collect().await.expect("it is whole");
        };
        tokio::join!(reading, progress.silent_for(2 * SECOND));

        assert_eq!(began.elapsed(), 5 * SECOND);
    }
}
