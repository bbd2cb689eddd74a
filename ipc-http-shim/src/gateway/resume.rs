//! Streams that a client goes on with after its connection broke.

use std::sync::Arc;

use axum::body::Body;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, Response, StatusCode, request, response};
use ipc_core::envelope::Problem;

use super::destination::ToService;
use super::form::Form;
use super::{Inner, stream};
use crate::auth::Principal;
use crate::config::Limits;
use crate::kept::{Asked, Bounds, Head, KeptStreams, Position, Resumed};
use crate::operations::owner;
use crate::upstream::ReplyRecord;

/// The id of the last event that a client has, as the HTML standard has it sent.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Keeps the stream that answers one request.
pub(super) struct Keep<'k> {
    kept: &'k KeptStreams,
    asked: Arc<Asked>,
    bounds: Bounds,
}

impl<'k> Keep<'k> {
    /// For a request with this head, whose route may have its streams kept.
    pub(super) fn of(
        kept: &'k KeptStreams,
        to: &ToService,
        head: &request::Parts,
        limits: &Limits,
    ) -> Option<Self> {
        let grace = to.resume?;
        if Form::asked(&head.headers) != Form::Events {
            // Nothing else has ids.
            return None;
        }
        let principal = head.extensions.get::<Principal>();
        let asked = Asked {
            route: Arc::clone(to.entry.label()),
            owner: principal.map(owner),
            method: head.method.clone(),
            target: head.uri.clone(),
        };
        Some(Self {
            kept,
            asked: Arc::new(asked),
            bounds: Bounds {
                streams: limits.kept_streams,
                bytes: limits.kept_events,
                grace,
            },
        })
    }

    /// Keeps a stream from its beginning on, and answers with its records.
    pub(super) fn begin(
        self,
        id: &str,
        head: &response::Parts,
        records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    ) -> BoxStream<'static, Result<ReplyRecord, Problem>> {
        let head = Head {
            status: head.status,
            headers: head.headers.clone(),
        };
        let Self {
            kept,
            asked,
            bounds,
        } = self;
        kept.keep(id, asked, head, records, bounds)
    }
}

impl Inner {
    /// The rest of the stream that a client comes back for, where that is here. The service
    /// is not asked then; where it is, it gets the header, and may go on by itself.
    pub(super) async fn resumed(
        &self,
        keep: &Keep<'_>,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        let last = headers.get(LAST_EVENT_ID)?.to_str().ok()?;
        let position = Position::parse(last)?;
        match keep.kept.resume(position, &keep.asked).await {
            Resumed::Stream(head, records) => {
                let draining = self.draining.clone();
                let events = stream::rest(position.stream(), records, draining);
                let mut response = Response::new(events);
                *response.status_mut() = head.status;
                response.headers_mut().clone_from(&head.headers);
                Some(response)
            }
            Resumed::Complete => {
                // Which has a browser ask no more.
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Some(response)
            }
            Resumed::Gone => None,
        }
    }
}
