//! Where the messages of a client go.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use ipc_core::envelope::principal::Sign;

use crate::auth::Principal;
use crate::peer::Peer;
use crate::upstream::{Failure, Outbound, Upstream};

/// The correlation id of the request that was upgraded, on each message of its client.
pub(crate) const SOCKET_ID: HeaderName = HeaderName::from_static("x-websocket-id");

/// Where the messages of one client go: each is a one-way request of its own.
pub(crate) struct Messages {
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) service: Arc<str>,
    pub(crate) target: Uri,
    /// What they are tied together by.
    pub(crate) id: Option<HeaderValue>,
    /// That of the request that was upgraded, or one of this WebSocket's own.
    pub(crate) key: Option<Bytes>,
    /// How long the broker has to acknowledge one.
    pub(crate) timeout: Duration,
    pub(crate) peer: Peer,
    pub(crate) principal: Option<Principal>,
    pub(crate) vouching: Option<Arc<dyn Sign>>,
}

impl Messages {
    /// Sends one, and waits for the broker to acknowledge it.
    pub(super) async fn send(&self, payload: Bytes, is_text: bool) -> Result<(), Failure> {
        let mut request = Request::new(payload);
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.target);
        let content_type = match is_text {
            true => "text/plain; charset=utf-8",
            false => "application/octet-stream",
        };
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(id) = &self.id {
            headers.insert(SOCKET_ID, id.clone());
        }
        let outbound = Outbound {
            service: Arc::clone(&self.service),
            request,
            key: self.key.clone(),
            timeout: self.timeout,
            peer: self.peer.clone(),
            principal: self.principal.clone(),
            vouching: self.vouching.clone(),
            shadow: false,
        };
        self.upstream.send(outbound).await.map(drop)
    }
}
