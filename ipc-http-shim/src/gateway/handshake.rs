//! Clients that ask for a WebSocket (RFC 6455, 4.2).

use http::header::{
    CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, request};
use ipc_core::envelope::Problem;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::create_response;

use super::answer::Refusal;
use super::cors::Cors;
use super::tunnel::{self, Upgrade};

/// A client that asks for a WebSocket, and may have one.
#[derive(Clone)]
pub(super) struct Handshake {
    pub(super) upgrade: Upgrade,
    accept: HeaderValue,
    /// The protocols that it would speak on it.
    protocols: Vec<HeaderValue>,
}

impl Handshake {
    /// What a request asks for, whose route has these rules for pages of other origins.
    /// Nothing of it is left for the service.
    pub(super) fn of(head: &mut request::Parts, cors: Option<&Cors>) -> Result<Self, Refusal> {
        if !may_come_from(head, cors) {
            return Err(foreign_origin());
        }
        let mut asked = http::Request::new(());
        *asked.method_mut() = head.method.clone();
        *asked.version_mut() = head.version;
        asked.headers_mut().clone_from(&head.headers);
        let accepted = create_response(&asked).map_err(|error| refusal(&error))?;
        let accept = accepted.headers().get(SEC_WEBSOCKET_ACCEPT).cloned();
        let upgrade = Upgrade::asked(head);
        let (Some(accept), Some(upgrade)) = (accept, upgrade) else {
            return Err(needed());
        };
        let headers = &mut head.headers;
        let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL);
        let protocols = protocols.iter().cloned().collect();
        for of_connection in [
            CONNECTION,
            UPGRADE,
            SEC_WEBSOCKET_KEY,
            SEC_WEBSOCKET_VERSION,
            SEC_WEBSOCKET_EXTENSIONS,
        ] {
            headers.remove(of_connection);
        }
        Ok(Self {
            upgrade,
            accept,
            protocols,
        })
    }

    /// Says in the answer that a WebSocket is spoken from now on.
    pub(super) fn accept(&self, answer: &mut HeaderMap) {
        // One that was not offered would have the client fail.
        if let Some(chosen) = answer.get(SEC_WEBSOCKET_PROTOCOL)
            && !self.offers(chosen)
        {
            answer.remove(SEC_WEBSOCKET_PROTOCOL);
        }
        answer.remove(SEC_WEBSOCKET_EXTENSIONS);
        answer.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        tunnel::switch(answer, HeaderValue::from_static("websocket"));
    }

    fn offers(&self, protocol: &HeaderValue) -> bool {
        let mut offered = self
            .protocols
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        offered.any(|offered| offered.trim_ascii() == protocol.as_bytes())
    }
}

/// Whether a page that asks may: browsers let any page open a WebSocket anywhere, with the
/// cookies of whoever looks at it. Where nothing is said of other origins, none may.
fn may_come_from(head: &request::Parts, cors: Option<&Cors>) -> bool {
    let Some(origin) = head.headers.get(ORIGIN) else {
        return true;
    };
    match cors {
        Some(cors) => cors.lets_in(head),
        None => is_same(origin, head.headers.get(HOST)),
    }
}

/// Whether an origin is that of this host. Behind a proxy that has taken TLS off, its scheme
/// is not ours.
fn is_same(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin = origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok());
    let origin = origin.and_then(|origin| origin.into_parts().authority);
    let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    origin.is_some() && origin == host
}

/// For a request to a route where nothing but WebSockets are spoken.
pub(super) fn needed() -> Refusal {
    let problem = Problem::new(
        "websocket-needed",
        "only WebSockets are spoken at this path",
        426,
    )
    .with_detail("ask for one over HTTP/1.1");
    let websocket = HeaderValue::from_static("websocket");
    let version = HeaderValue::from_static("13");
    Refusal::from(problem)
        .with_header(CONNECTION, HeaderValue::from_static("upgrade"))
        .with_header(UPGRADE, websocket)
        .with_header(SEC_WEBSOCKET_VERSION, version)
}

fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Protocol(ProtocolError::InvalidSecWebSocketKey)
        | Error::Protocol(ProtocolError::MissingSecWebSocketKey) => {
            let title = "the request for a WebSocket is malformed";
            let problem = Problem::new("malformed-request", title, 400);
            problem.with_detail("sec-websocket-key is not one").into()
        }
        _ => needed(),
    }
}

fn foreign_origin() -> Refusal {
    let title = "pages of this origin may not open a WebSocket here";
    let problem = Problem::new("forbidden-origin", title, 403);
    let detail = "origins that may are named in the gateway's cors";
    problem.with_detail(detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_this_host_by_name_and_port_and_not_by_scheme() {
        let same = |origin: &'static str, host: &'static str| {
            let host = HeaderValue::from_static(host);
            is_same(&HeaderValue::from_static(origin), Some(&host))
        };
        for origin in ["https://shop.example", "http://SHOP.example"] {
            assert!(same(origin, "shop.example"), "{origin}");
        }
        assert!(same("http://[::1]:8080", "[::1]:8080"));
        for origin in [
            "https://shop.example:8443",
            "https://shop.example.evil.example",
            "https://evil.example",
            "null",
            "",
        ] {
            assert!(!same(origin, "shop.example"), "{origin}");
        }
        assert!(!is_same(&HeaderValue::from_static("https://a"), None));
    }
}
