//! An answer's body whose bytes are counted while they go.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::Entry;

pin_project! {
    /// An answer's body whose bytes are counted while they go.
    pub(super) struct Logged {
        #[pin]
        body: Body,
        entry: Entry,
    }
}

impl Logged {
    pub(super) fn new(body: Body, mut entry: Entry) -> Self {
        // Who has nothing to send is never asked for it.
        if body.is_end_stream() {
            entry.complete();
        }
        Self { body, entry }
    }
}

impl http_body::Body for Logged {
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
                this.entry.sent(frame.data_ref().map_or(0, Bytes::len));
                // A body of a known length is not asked again once that is there.
                if this.body.is_end_stream() {
                    this.entry.complete();
                }
            }
            Poll::Ready(None) => this.entry.complete(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
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
