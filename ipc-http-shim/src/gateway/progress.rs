//! A request body that shows how far it has come.

use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::watched::{End, Watch, Watched};

/// Notes when the last frame of a body was taken.
pub(super) struct Noting(watch::Sender<Instant>);

/// When the last frame of a body was taken.
#[derive(Debug)]
pub(super) struct Progress(watch::Receiver<Instant>);

/// Notes the progress of `body`, which starts now.
pub(super) fn note<B: Body<Data = Bytes>>(body: B) -> (Watched<B, Noting>, Progress) {
    let (taken, seen) = watch::channel(Instant::now());
    (Watched::new(body, Noting(taken)), Progress(seen))
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

impl Watch for Noting {
    fn frame(&mut self, _: &Frame<Bytes>) {
        self.0.send_replace(Instant::now());
    }

    fn end(&mut self, _: End) {
        self.0.send_replace(Instant::now());
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
