//! A body that is copied while it passes.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::oneshot;

pin_project! {
    /// A body that is copied while it passes.
    pub(super) struct Copied {
        #[pin]
        body: Body,
        copy: BytesMut,
        most: usize,
        // Until the copy is whole, or never will be.
        to: Option<oneshot::Sender<Bytes>>,
    }
}

/// The whole of a body that passed; an error where it broke off or is larger than may
/// be kept.
pub(super) type Copy = oneshot::Receiver<Bytes>;

/// Copies at most `most` bytes of `body`, which passes in any case.
pub(super) fn copied(body: Body, most: usize) -> (Copied, Copy) {
    let (to, copy) = oneshot::channel();
    let mut copied = Copied {
        body,
        copy: BytesMut::new(),
        most,
        to: Some(to),
    };
    // Who has nothing to take never asks for it.
    if copied.body.is_end_stream() {
        finish(&mut copied.copy, &mut copied.to);
    }
    (copied, copy)
}

fn finish(copy: &mut BytesMut, to: &mut Option<oneshot::Sender<Bytes>>) {
    if let Some(to) = to.take() {
        // Who waited may have gone.
        let _ = to.send(copy.split().freeze());
    }
}

impl http_body::Body for Copied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut this = self.project();
        let polled = this.body.as_mut().poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(data), true) = (frame.data_ref(), this.to.is_some()) {
                    if this.copy.len() + data.len() > *this.most {
                        *this.to = None;
                        *this.copy = BytesMut::new();
                    } else {
                        this.copy.extend_from_slice(data);
                    }
                }
                // A body of a known length is not asked again once that is there.
                if this.body.is_end_stream() {
                    finish(this.copy, this.to);
                }
            }
            Poll::Ready(Some(Err(_))) => *this.to = None,
            Poll::Ready(None) => finish(this.copy, this.to),
            Poll::Pending => {}
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

    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    fn pieces(pieces: &[Result<&'static str, ()>]) -> Body {
        let pieces: Vec<Result<&str, io::Error>> = pieces
            .iter()
            .map(|piece| piece.map_err(|()| io::Error::other("gone")))
            .collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn what_passes_is_copied() {
        let (body, copy) = copied(pieces(&[Ok("ab"), Ok("cd")]), 4);
        let passed = body.collect().await.expect("it is whole").to_bytes();
        assert_eq!(passed, "abcd");
        assert_eq!(copy.await.expect("it is copied"), "abcd");
    }

    #[tokio::test]
    async fn what_is_too_large_passes_without_a_copy() {
        let (body, copy) = copied(pieces(&[Ok("ab"), Ok("cd")]), 3);
        let passed = body.collect().await.expect("it is whole").to_bytes();
        assert_eq!(passed, "abcd");
        assert!(copy.await.is_err());
    }

    #[tokio::test]
    async fn of_a_body_that_breaks_off_there_is_no_copy() {
        let (body, copy) = copied(pieces(&[Ok("ab"), Err(())]), 4);
        assert!(body.collect().await.is_err());
        assert!(copy.await.is_err());
    }

    #[tokio::test]
    async fn a_body_that_nobody_need_take_is_copied_at_once() {
        let (_body, copy) = copied(Body::empty(), 4);
        assert_eq!(copy.await.expect("it is copied"), "");
    }

    #[tokio::test]
    async fn a_body_whose_last_piece_is_known_to_be_the_last_need_not_be_asked_again() {
        let (mut body, copy) = copied(Body::from("abcd"), 4);
        let _ = body.frame().await;
        assert_eq!(copy.await.expect("it is copied"), "abcd");
    }
}
