//! What is noted of one request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Frame;

use super::{AccessLog, line};
use crate::auth::Principal;
use crate::request_id::REQUEST_ID;
use crate::spent::Spent;
use crate::watched::{End, Watch, Watched};

/// What is noted of one request. Its line is written when this is dropped: the answer
/// has gone then, or is given up.
pub(crate) struct Entry {
    log: Arc<AccessLog>,
    pub(super) noted: Noted,
}

/// What is noted of one request.
pub(super) struct Noted {
    pub(super) arrived: SystemTime,
    pub(super) began: Instant,
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) version: Version,
    pub(super) peer: Option<IpAddr>,
    /// Its route, and where that leads.
    pub(super) route: Option<(Arc<str>, &'static str)>,
    /// Who has proved who it is.
    pub(super) principal: Option<Principal>,
    pub(super) spent: Spent,
    pub(super) request_id: Option<HeaderValue>,
    pub(super) trace_id: Option<u128>,
    /// `None` where the client left before there was an answer.
    pub(super) status: Option<StatusCode>,
    pub(super) bytes: u64,
    /// Whether the whole answer has gone.
    pub(super) complete: bool,
}

impl Entry {
    pub(super) fn begin(
        log: Arc<AccessLog>,
        request: &Request<Body>,
        peer: Option<IpAddr>,
    ) -> Self {
        Self {
            log,
            noted: Noted {
                arrived: SystemTime::now(),
                began: Instant::now(),
                method: request.method().clone(),
                target: request.uri().clone(),
                version: request.version(),
                peer,
                route: None,
                principal: None,
                spent: Spent::default(),
                request_id: None,
                trace_id: None,
                status: None,
                bytes: 0,
                complete: false,
            },
        }
    }

    /// Notes the request's route, and where that leads.
    pub(crate) fn routed(&mut self, route: &Arc<str>, mode: &'static str) {
        self.noted.route = Some((Arc::clone(route), mode));
    }

    pub(crate) fn traced(&mut self, trace_id: Option<u128>) {
        self.noted.trace_id = trace_id;
    }

    pub(crate) fn sent_by(&mut self, principal: Option<Principal>) {
        self.noted.principal = principal;
    }

    pub(crate) fn spent(&mut self, spent: Spent) {
        self.noted.spent = spent;
    }

    /// Notes the answer, whose line is written once all of it has gone.
    pub(crate) fn answered(mut self, response: Response<Body>) -> Response<Body> {
        self.noted.status = Some(response.status());
        let id = response.headers().get(&REQUEST_ID);
        self.noted.request_id = id.cloned();
        response.map(|body| Body::new(Watched::new(body, self)))
    }
}

/// Its answer is watched while that goes.
impl Watch for Entry {
    fn frame(&mut self, frame: &Frame<Bytes>) {
        self.noted.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
    }

    fn end(&mut self, end: End) {
        self.noted.complete = end == End::Whole;
    }
}

impl Noted {
    /// Whether it gets a line in any case.
    fn failed(&self) -> bool {
        self.status.is_none_or(|status| status.is_server_error())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.noted.failed() || self.log.is_sampled() {
            self.log.write(&line::of(&self.noted, &self.log.settings));
        }
    }
}
