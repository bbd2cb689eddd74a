//! A body that somebody watches while it passes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// Somebody who watches a body, and is dropped with it: when it is sent or given up.
pub(crate) trait Watch {
    /// A frame has passed.
    fn frame(&mut self, _frame: &Frame<Bytes>) {}

    /// No more will pass. Told once at most: a body that is given up has no end.
    fn end(&mut self, _end: End) {}
}

/// How a body has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// All of it has passed.
    Whole,
    /// It broke off.
    Broken,
}

pin_project! {
    /// A body that somebody watches while it passes.
    pub(crate) struct Watched<B, W> {
        #[pin]
        body: B,
        watch: W,
        has_ended: bool,
    }
}

impl<B: Body<Data = Bytes>, W: Watch> Watched<B, W> {
    pub(crate) fn new(body: B, mut watch: W) -> Self {
        // Who has nothing to send is never asked for it.
        let has_ended = body.is_end_stream();
        if has_ended {
            watch.end(End::Whole);
        }
        Self {
            body,
            watch,
            has_ended,
        }
    }
}

impl<B: Body<Data = Bytes>, W: Watch> Body for Watched<B, W> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = this.body.as_mut().poll_frame(cx);
        let end = match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.watch.frame(frame);
                // A body of a known length is not asked again once that is there.
                this.body.is_end_stream().then_some(End::Whole)
            }
            Poll::Ready(Some(Err(_))) => Some(End::Broken),
            Poll::Ready(None) => Some(End::Whole),
            Poll::Pending => None,
        };
        if let Some(end) = end.filter(|_| !*this.has_ended) {
            *this.has_ended = true;
            this.watch.end(end);
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
    use std::io;
    use std::sync::Arc;

    use futures_util::stream;
    use http_body_util::BodyExt;
    use parking_lot::Mutex;

    use super::*;

    /// What a body's watch was told.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<(usize, Vec<End>)>>);

    impl Watch for Told {
        fn frame(&mut self, frame: &Frame<Bytes>) {
            self.0.lock().0 += frame.data_ref().map_or(0, Bytes::len);
        }

        fn end(&mut self, end: End) {
            self.0.lock().1.push(end);
        }
    }

    fn pieces(pieces: &[Result<&'static str, ()>]) -> axum::body::Body {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| piece.map_err(|()| io::Error::other("gone")))
            .collect();
        axum::body::Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn every_byte_and_one_end_are_told() {
        for body in [
            pieces(&[Ok("ab"), Ok("cd")]),
            axum::body::Body::from("abcd"),
        ] {
            let told = Told::default();
            let passed = Watched::new(body, told.clone()).collect().await;
            assert_eq!(passed.expect("it is whole").to_bytes(), "abcd");
            assert_eq!(*told.0.lock(), (4, vec![End::Whole]));
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_whole_and_one_that_is_given_up_has_no_end() {
        let told = Told::default();
        let mut body = Watched::new(pieces(&[Ok("ab"), Err(())]), told.clone());
        let _ = body.frame().await;
        assert_eq!(*told.0.lock(), (2, Vec::new()));
        let _ = body.frame().await;
        drop(body);
        assert_eq!(*told.0.lock(), (2, vec![End::Broken]));
    }

    #[test]
    fn a_body_without_anything_has_ended_before_it_is_asked() {
        let told = Told::default();
        let _body = Watched::new(axum::body::Body::empty(), told.clone());
        assert_eq!(*told.0.lock(), (0, vec![End::Whole]));
    }
}
