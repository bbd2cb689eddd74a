//! Requests that become WebSockets: their replies are messages, and what their client sends
//! are one-way requests.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use ipc_core::envelope::CorrelationId;
use matchit::Params;

use super::answer::Refusal;
use super::handshake::{self, Handshake};
use super::{rewriting, stream};
use crate::config::{Route, ServiceMode, WebSocket};
use crate::limits::bulkhead::Place;
use crate::request_id;
use crate::sockets::{Conversation, Messages, Sockets};
use crate::upstream::{Outbound, ReplyStream, Upstream};

/// How the WebSockets of a route are spoken.
#[derive(Clone, Debug)]
pub(super) struct ToSocket {
    pub(super) rules: WebSocket,
    /// Where the messages of one go, where they are taken.
    pub(super) messages: Option<Uri>,
}

impl ToSocket {
    /// For a request to a route of this mode, whose path has these parameters; `None` where
    /// no WebSockets are spoken.
    pub(super) fn of(
        route: &Route,
        mode: ServiceMode,
        params: &Params<'_, '_>,
    ) -> Result<Option<Box<Self>>, Refusal> {
        if mode != ServiceMode::WebSocket {
            return Ok(None);
        }
        let rules = route.websocket.clone();
        let messages = rules.messages.as_ref();
        let messages = messages.map(|path| rewriting::filled(path, params, None));
        Ok(Some(Box::new(Self {
            messages: messages.transpose()?,
            rules,
        })))
    }
}

/// Holds the place of a request among those of its route until its WebSocket has ended.
#[derive(Clone, Default)]
struct Seat(Arc<OnceLock<Place>>);

/// What opening a WebSocket takes.
pub(super) struct Opening<'o> {
    pub(super) upstream: &'o Arc<dyn Upstream>,
    pub(super) sockets: &'o Sockets,
    /// How its route is called.
    pub(super) route: &'o Arc<str>,
    pub(super) to: &'o ToSocket,
}

impl Opening<'_> {
    /// Has the service say whether the client may have its WebSocket, and opens it where it
    /// answers with a success; anything else is answered as it is.
    pub(super) async fn answer(self, mut outbound: Outbound) -> Result<Response<Body>, Refusal> {
        let request = &mut outbound.request;
        let asked: Option<Handshake> = request.extensions_mut().remove();
        let Some(asked) = asked else {
            return Err(handshake::needed());
        };
        // Nobody undoes it between a record and a message.
        request.headers_mut().remove(ACCEPT_ENCODING);
        let messages = self.messages(&outbound);
        let ReplyStream {
            mut head,
            correlation_id,
            records,
        } = self.upstream.stream(outbound).await?;
        request_id::name(&mut head.headers, correlation_id.as_ref());
        if !head.status.is_success() {
            return Ok(Response::from_parts(head, stream::plain(records)));
        }
        let WebSocket {
            message_bytes,
            ping,
            lifetime,
            ..
        } = self.to.rules;
        let conversation = Conversation {
            records,
            is_text: is_text(&head.headers),
            messages: messages.map(|messages| tied(messages, correlation_id.as_ref())),
            most: message_bytes,
            ping,
            lifetime,
        };
        for of_body in [
            CONTENT_TYPE,
            CONTENT_LENGTH,
            CONTENT_ENCODING,
            CACHE_CONTROL,
        ] {
            head.headers.remove(of_body);
        }
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        asked.accept(&mut head.headers);
        let seat = Seat::default();
        head.extensions.insert(seat.clone());
        let (client, connection) = asked.upgrade.into_parts();
        let holding = (connection, seat);
        self.sockets.open(self.route, client, conversation, holding);
        Ok(Response::from_parts(head, Body::empty()))
    }

    /// Where the client's messages go.
    fn messages(&self, outbound: &Outbound) -> Option<Messages> {
        let target = self.to.messages.clone()?;
        Some(Messages {
            upstream: Arc::clone(self.upstream),
            service: Arc::clone(&outbound.service),
            target,
            id: None,
            key: outbound.key.clone(),
            timeout: outbound.timeout,
            peer: outbound.peer.clone(),
            principal: outbound.principal.clone(),
            vouching: outbound.vouching.clone(),
        })
    }
}

/// Ties messages together, and keeps them in order in any case.
fn tied(mut messages: Messages, id: Option<&CorrelationId>) -> Messages {
    let id = id.map(ToString::to_string);
    messages.key = messages
        .key
        .or_else(|| id.as_ref().map(|id| Bytes::from(id.clone())));
    messages.id = id.and_then(|id| HeaderValue::try_from(id).ok());
    messages
}

/// Keeps the place of a request until its WebSocket has ended, where it has become one.
pub(super) fn seated(answer: &mut Response<Body>, place: Option<Place>) -> Option<Place> {
    match (answer.extensions_mut().remove::<Seat>(), place) {
        (Some(seat), Some(place)) => seat.0.set(place).err(),
        (_, place) => place,
    }
}

/// Whether replies of this kind are text.
fn is_text(headers: &HeaderMap) -> bool {
    let essence = stream::essence(headers).unwrap_or_default();
    let essence = essence.to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || matches!(&*essence, "application/json" | "application/x-ndjson")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_text_and_anything_else_is_bytes() {
        let is_text = |content_type: &'static str| {
            let content_type = HeaderValue::from_static(content_type);
            is_text(&HeaderMap::from_iter([(CONTENT_TYPE, content_type)]))
        };
        for text in [
            "text/plain; charset=utf-8",
            "Application/JSON",
            "application/vnd.a+json",
            "application/x-ndjson",
        ] {
            assert!(is_text(text), "{text}");
        }
        for bytes in ["application/octet-stream", "image/png", "application/cbor"] {
            assert!(!is_text(bytes), "{bytes}");
        }
        assert!(!super::is_text(&HeaderMap::new()));
    }
}
