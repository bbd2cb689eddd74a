//! One exchange: a request out, an answer in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use tokio::time::Instant;

use super::error::Unanswered;
use super::open_call::OpenCall;
use super::pending::Waiting;
use super::presence::Watched;
use super::records::Records;
use super::upload;
use super::{Client, Rejected, Shared, Unknown, UnknownReason};
use crate::envelope::limits::CHUNK;
use crate::envelope::{
    Accepts, Context, CorrelationId, Dialect, Envelope, Headers, ReplyAddress, RequestHead, names,
};
use crate::transport::{Ack, Outgoing, SendError};

/// What a caller may say about one request beyond its contents.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// How long to wait, and never longer than what is left of the deadline the
    /// call is made under. Default: the contract's timeout, else the client's.
    pub timeout: Option<Duration>,
    /// The caller's operation id.
    pub idempotency_key: Option<ByteString>,
    /// The record key. Default: what the contract says.
    pub key: RecordKey,
    /// The HTTP client a gateway speaks for, told to the service in `ipc-peer`.
    pub peer: Option<SocketAddr>,
}

/// Which record key a request has; it decides partition and order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordKey {
    /// What the contract says, else the idempotency key of an unsafe request,
    /// else none.
    #[default]
    Default,
    /// None: no order is kept.
    None,
    /// This one.
    Bytes(Bytes),
}

impl RecordKey {
    /// The key, where `default` is what the contract and the request say.
    pub(crate) fn or(self, default: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        match self {
            Self::Default => default(),
            Self::None => None,
            Self::Bytes(key) => Some(key),
        }
    }
}

/// A request on its way out.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) service: String,
    /// The topic, where it is not the service's request topic.
    pub(crate) topic: Option<String>,
    /// Method, path and idempotency key; the rest is completed here.
    pub(crate) head: RequestHead,
    pub(crate) headers: Headers,
    pub(crate) key: Option<Bytes>,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
}

/// The beginning of an answer, and the way to the rest.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) id: CorrelationId,
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) records: Records,
}

impl Client {
    /// Sends a request and waits for the first record of its answer.
    pub(crate) async fn exchange(&self, mut request: Request) -> Result<Response, Unanswered> {
        let shared = &self.0;
        if !shared.inbox.is_ready() {
            return Err(Rejected::InboxNotReady.into());
        }
        let started = Instant::now();
        let service = shared.watch(&request.service);
        if let Some(service) = &service {
            service.check(started)?;
        }
        let context = Context::current();
        let timeout = request.timeout.unwrap_or(shared.timeout);
        let now = shared.transport.now();
        let deadline = context.deadline(now, timeout);
        let left = deadline.remaining(now);
        if left.is_zero() {
            return Err(Rejected::TooLate.into());
        }
        let until = started + left;
        let place = shared.inbox.place();
        let id = shared.address(&mut request, &context);
        request.head.reply_to = Some(ReplyAddress::new(&*place.topic, Some(place.partition)));
        request.head.deadline = Some(deadline);
        request.head.accepts = Accepts::ALL;
        request.head.chain = context.held();
        let Waiting {
            mut answer,
            registration,
        } = shared.pending.register(id.clone(), request.head.dialect)?;
        let call = OpenCall::new(Arc::clone(shared), request.service.clone(), registration);
        let unknown = |reason| Unknown {
            correlation_id: id.clone(),
            reason,
        };
        let refused = async {
            match shared.send(request).await {
                // From here on only the answer or the deadline counts.
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            }
        };
        let answered = tokio::select! {
            biased;
            answer = &mut answer => answer.map_err(|_| unknown(UnknownReason::Closed).into()),
            error = refused => Err(unsent(error, &id)),
            () = tokio::time::sleep_until(until) => {
                Err(unknown(UnknownReason::DeadlinePassed).into())
            }
        };
        match answered {
            Ok(mut answer) => {
                shared.metrics.client().round_trip(started.elapsed());
                let headers = std::mem::take(&mut answer.first.headers);
                let instance = headers
                    .get_str(names::INSTANCE)
                    .zip(service)
                    .map(|(instance, service)| service.gone(instance));
                Ok(Response {
                    id,
                    status: answer.first.head.status,
                    headers,
                    records: Records::new(answer, call, until, instance),
                })
            }
            Err(error) => {
                // The service knows the deadline, and a closed client is no
                // reason to stop the work: no cancel.
                call.finish();
                Err(error)
            }
        }
    }

    /// Sends a one-way and waits until the log has it.
    pub(crate) async fn post(&self, mut request: Request) -> Result<CorrelationId, Unanswered> {
        let id = self.0.address(&mut request, &Context::current());
        let sent = self.0.send(request).await;
        sent.map_err(|error| unsent(error, &id)).map(|()| id)
    }
}

fn unsent(error: SendError, id: &CorrelationId) -> Unanswered {
    if error.is_known_unsent() {
        return Rejected::Send(error).into();
    }
    let reason = match error {
        SendError::Closed => UnknownReason::Closed,
        _ => UnknownReason::Unacknowledged,
    };
    Unanswered::Unknown(Unknown {
        correlation_id: id.clone(),
        reason,
    })
}

impl Shared {
    /// What is known of a service, unless it is foreign: then it tells nothing.
    fn watch(&self, service: &str) -> Option<Arc<Watched>> {
        if self.dialects.contains_key(service) {
            return None;
        }
        let topic = || self.names.control(service);
        let services = &self.services;
        Some(services.watch(service, topic, &self.transport, &self.stop))
    }

    /// Says who sends the request, in which dialect and in which trace.
    fn address(&self, request: &mut Request, context: &Context) -> CorrelationId {
        let foreign = self.dialects.get(&request.service);
        request.head.dialect = foreign.map_or(Dialect::Native, |foreign| foreign.dialect);
        let own_topic = foreign.and_then(|foreign| foreign.topic.clone());
        request.topic = request.topic.take().or(own_topic);
        let id = request.head.dialect.correlation_id();
        request.head.correlation_id = Some(id.clone());
        request.head.caller = Some(self.caller.clone());
        if !request.headers.contains(names::TRACEPARENT) {
            request.head.trace.clone_from(&context.trace);
        }
        id
    }

    /// Returns when the log has the request.
    async fn send(&self, request: Request) -> Result<(), SendError> {
        let Request {
            service,
            topic,
            head,
            mut headers,
            key,
            body,
            ..
        } = request;
        let topic = topic.map_or_else(
            || self.names.requests(&service),
            |topic| format!("{}{topic}", self.names.prefix()).into(),
        );
        let chunked = body.len() > CHUNK && head.dialect == Dialect::Native;
        if !chunked {
            head.write(&mut headers);
        }
        let record = Outgoing {
            topic,
            partition: None,
            envelope: Envelope {
                headers,
                key,
                payload: Some(body),
            },
        };
        if chunked {
            return upload::send(&*self.transport, &self.uploads, head, record).await;
        }
        let (ack, receipt) = Ack::pair();
        self.transport.send(&record, ack);
        receipt.await.map(drop)
    }
}
