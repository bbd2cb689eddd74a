//! A body that keeps its request in flight until it is sent or given up.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::limits::bulkhead::Place;
use crate::metrics::InFlight;

pin_project! {
    /// A body that keeps its request in flight, and in its place, until it is dropped.
    pub(super) struct Metered {
        #[pin]
        body: Body,
        in_flight: InFlight,
        place: Option<Place>,
    }
}

impl Metered {
    pub(super) fn new(body: Body, in_flight: InFlight, place: Option<Place>) -> Self {
        Self {
            body,
            in_flight,
            place,
        }
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
