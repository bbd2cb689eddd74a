//! Services without Kafka.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use http::{Response, request};
use ipc_core::envelope::{CorrelationId, Problem};
use ipc_http_shim::auth::Principal;
use ipc_http_shim::peer::Peer;
use ipc_http_shim::upstream::{Answer, Failure, Outbound, ReplyRecord, ReplyStream, Upstream};

/// What arrived at a service.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) service: Arc<str>,
    pub(crate) head: request::Parts,
    pub(crate) body: Bytes,
    pub(crate) key: Option<Bytes>,
    pub(crate) timeout: Duration,
    pub(crate) peer: Peer,
    pub(crate) principal: Option<Principal>,
    pub(crate) shadow: bool,
}

type Handler<T> = Box<dyn Fn(Seen) -> BoxFuture<'static, Result<T, Failure>> + Send + Sync>;
type Records = BoxStream<'static, Result<ReplyRecord, Problem>>;

/// Services that answer by closures.
pub(crate) struct Fake {
    call: Handler<Response<Body>>,
    send: Handler<()>,
    stream: Handler<Response<Records>>,
}

/// The id of every request.
pub(crate) fn correlation_id() -> CorrelationId {
    CorrelationId::from(Bytes::from_static(b"request-1"))
}

fn unexpected<T: 'static>(mode: &'static str) -> Handler<T> {
    Box::new(move |seen| panic!("no {mode} was expected: {seen:?}"))
}

impl Fake {
    /// Services nobody may ask.
    pub(crate) fn silent() -> Self {
        Self {
            call: unexpected("call"),
            send: unexpected("one-way"),
            stream: unexpected("stream"),
        }
    }

    /// Services that answer calls.
    pub(crate) fn calls<F>(answer: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Response<Body>, Failure>> + Send + 'static,
    {
        Self {
            call: Box::new(move |seen| answer(seen).boxed()),
            ..Self::silent()
        }
    }

    /// Services that answer every call with its own text.
    pub(crate) fn telling(tell: impl Fn(Seen) -> String + Send + Sync + 'static) -> Self {
        Self::calls(move |seen| {
            let text = tell(seen);
            async move { Ok(Response::new(Body::from(text))) }
        })
    }

    /// Services that take one-way requests.
    pub(crate) fn sends(
        take: impl Fn(Seen) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        Self {
            send: Box::new(move |seen| std::future::ready(take(seen)).boxed()),
            ..Self::silent()
        }
    }

    /// The same services, which take one-way requests, too, and do nothing with them.
    pub(crate) fn and_takes_one_ways(self) -> Self {
        self.and_sends(|_| std::future::ready(Ok(())))
    }

    /// The same services, which take one-way requests, too.
    pub(crate) fn and_sends<F>(self, take: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self {
            send: Box::new(move |seen| take(seen).boxed()),
            ..self
        }
    }

    /// Services that answer with many records.
    pub(crate) fn streams(
        answer: impl Fn(Seen) -> Result<Response<Records>, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self {
            stream: Box::new(move |seen| std::future::ready(answer(seen)).boxed()),
            ..Self::silent()
        }
    }
}

fn seen(outbound: Outbound) -> Seen {
    let Outbound {
        service,
        request,
        key,
        timeout,
        peer,
        principal,
        shadow,
        ..
    } = outbound;
    let (head, body) = request.into_parts();
    Seen {
        service,
        head,
        body,
        key,
        timeout,
        peer,
        principal,
        shadow,
    }
}

#[async_trait]
impl Upstream for Fake {
    async fn call(&self, outbound: Outbound) -> Result<Answer, Failure> {
        let response = (self.call)(seen(outbound)).await?;
        Ok(Answer {
            response,
            correlation_id: Some(correlation_id()),
        })
    }

    async fn send(&self, outbound: Outbound) -> Result<Option<CorrelationId>, Failure> {
        (self.send)(seen(outbound)).await?;
        Ok(Some(correlation_id()))
    }

    async fn stream(&self, outbound: Outbound) -> Result<ReplyStream, Failure> {
        let response = (self.stream)(seen(outbound)).await?;
        let (head, records) = response.into_parts();
        Ok(ReplyStream {
            head,
            correlation_id: Some(correlation_id()),
            records: records.boxed(),
        })
    }

    fn metrics(&self) -> String {
        "# TYPE fake gauge\nfake 1\n# EOF\n".to_owned()
    }
}
