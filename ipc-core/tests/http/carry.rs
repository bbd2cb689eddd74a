//! Carries requests to an application the way Kafka does, in memory.

use std::convert::Infallible;
#[cfg(feature = "connect-info")]
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
#[cfg(feature = "connect-info")]
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::{BoxError, Router};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use ipc_core::dispatch::{BodyStream, Delivery, Mode, Outcome, Policy, Reply, ReplyBody};
use ipc_core::envelope::{
    Accepts, CorrelationId, Envelope, ReplyAddress, ReplyHead, ReplyPart, ReplyWriter, RequestHead,
};
use ipc_core::http::{HttpAdapter, Reserved, mark_matched, request_record, response_parts};
use ipc_core::transport::{Origin, Timestamp, TopicPartition};
use tokio::time::Instant;
use tower::{Service, ServiceExt};

/// How a request is sent.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    /// Whether it names a reply topic.
    pub(crate) call: bool,
    pub(crate) accepts: Accepts,
    pub(crate) mode: Mode,
}

pub(crate) const CALL: Sent = Sent {
    call: true,
    accepts: Accepts::ALL,
    mode: Mode::Call,
};

pub(crate) const ONE_WAY: Sent = Sent {
    call: false,
    accepts: Accepts::ALL,
    mode: Mode::OneWay,
};

/// The record a caller makes of a request.
pub(crate) async fn encode(request: Request<Body>, sent: Sent) -> Envelope {
    let (parts, body) = request.into_parts();
    let (mut head, mut headers) =
        request_record(&parts, Reserved::Strip).expect("the request can cross");
    head.correlation_id = Some(CorrelationId::from(Bytes::from_static(b"call-1")));
    head.reply_to = sent
        .call
        .then(|| ReplyAddress::new("shim.replies", Some(0)));
    head.accepts = sent.accepts;
    head.write(&mut headers);
    #[cfg(feature = "connect-info")]
    if let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        headers.push_static(ipc_core::envelope::names::PEER, peer.to_string());
    }
    let body = body.collect().await.expect("the request body is complete");
    Envelope {
        headers,
        key: None,
        payload: Some(body.to_bytes()),
    }
}

/// The delivery dispatch makes of a record.
pub(crate) fn deliver(envelope: Envelope, mode: Mode) -> Delivery {
    let head = RequestHead::parse(&envelope.headers).expect("the record can be read");
    let mut policy = Policy::new("test");
    policy.mode = mode;
    let origin = Origin {
        partition: TopicPartition {
            topic: "orders.requests".into(),
            partition: 3,
        },
        offset: 42,
        timestamp: Timestamp::Unknown,
    };
    let finish_by = Instant::now() + Duration::from_secs(30);
    Delivery::new(envelope, origin, head, Arc::new(policy), finish_by)
}

/// What becomes of a delivery.
pub(crate) async fn outcome<S, B>(service: S, delivery: Delivery) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Ok(outcome) = HttpAdapter::new(service).oneshot(delivery).await;
    outcome
}

/// The whole way: encoded, delivered, served, and the reply decoded.
pub(crate) async fn over_kafka(app: Router, request: Request<Body>, sent: Sent) -> Response<Bytes> {
    let delivery = deliver(encode(request, sent).await, sent.mode);
    match outcome(mark_matched(app), delivery).await {
        Outcome::Reply(reply) => decode(reply).await,
        other => panic!("a call is always answered, not {other:?}"),
    }
}

/// The response a caller makes of a reply.
pub(crate) async fn decode(reply: Reply) -> Response<Bytes> {
    let asked = RequestHead {
        correlation_id: Some(CorrelationId::from(Bytes::from_static(b"call-1"))),
        ..RequestHead::default()
    };
    let mut record = Envelope {
        headers: reply.headers,
        ..Envelope::default()
    };
    ReplyWriter::new(&asked).write(reply.status, ReplyPart::Whole, &mut record);
    let head = ReplyHead::parse(&record.headers).expect("the reply can be read");
    let parts = response_parts(head.status, &record.headers).expect("the reply is a response");
    let body = match reply.body {
        ReplyBody::Full(body) => body,
        ReplyBody::Chunked(pieces) | ReplyBody::Stream(pieces) => whole(pieces).await,
    };
    Response::from_parts(parts, body)
}

/// All pieces of a body that does not break off.
pub(crate) async fn whole(pieces: BodyStream) -> Bytes {
    pieces
        .fold(BytesMut::new(), |mut whole, piece| async move {
            whole.extend_from_slice(&piece.expect("the body does not break off"));
            whole
        })
        .await
        .freeze()
}
