//! A body that is copied while it passes.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::sync::oneshot;

use crate::watched::{End, Watch, Watched};

/// Copies a body while it passes.
pub(super) struct Copying {
    copy: BytesMut,
    most: usize,
    /// Until the copy is whole, or never will be.
    to: Option<oneshot::Sender<Bytes>>,
}

/// The whole of a body that passed; an error where it broke off or is larger than may
/// be kept.
pub(super) type Copy = oneshot::Receiver<Bytes>;

/// Copies at most `most` bytes of `body`, which passes in any case.
pub(super) fn copied(body: Body, most: usize) -> (Watched<Body, Copying>, Copy) {
    let (to, copy) = oneshot::channel();
    let copying = Copying {
        copy: BytesMut::new(),
        most,
        to: Some(to),
    };
    (Watched::new(body, copying), copy)
}

impl Watch for Copying {
    fn frame(&mut self, frame: &Frame<Bytes>) {
        let (Some(data), true) = (frame.data_ref(), self.to.is_some()) else {
            return;
        };
        if self.copy.len() + data.len() > self.most {
            self.to = None;
            self.copy = BytesMut::new();
        } else {
            self.copy.extend_from_slice(data);
        }
    }

    fn end(&mut self, end: End) {
        if let (Some(to), End::Whole) = (self.to.take(), end) {
            // Who waited may have gone.
            let _ = to.send(self.copy.split().freeze());
        }
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
