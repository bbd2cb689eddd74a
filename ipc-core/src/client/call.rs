//! One exchange: a request out, an answer in.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::callee::Callee;
use super::error::Unanswered;
use super::open_call::OpenCall;
use super::pending::{Answer, Waiting};
use super::records::Records;
use super::upload;
use super::{Client, Rejected, Shared, Unknown, UnknownReason};
use crate::envelope::limits::CHUNK;
use crate::envelope::{
    Accepts, Context, CorrelationId, Dialect, Envelope, Headers, RequestHead, names,
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
    pub(crate) callee: Arc<Callee>,
    /// The topic, where it is not the service's request topic.
    pub(crate) topic: Option<&'static str>,
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

/// A call whose request is on its way.
struct Begun {
    call: OpenCall,
    answer: oneshot::Receiver<Result<Answer, SendError>>,
    /// What is left to send, where the body takes more than one record.
    upload: Option<Upload>,
    until: Instant,
}

/// Sends chunks, and has the call fail where one is not sent.
type Upload = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Client {
    /// Sends a request and waits for the first record of its answer.
    pub(crate) async fn exchange(&self, request: Request) -> Result<Response, Unanswered> {
        let started = Instant::now();
        let Begun {
            call,
            mut answer,
            upload,
            until,
        } = self.0.begin(request, started)?;
        let answer = async {
            if let Some(upload) = upload {
                tokio::select! {
                    biased;
                    answer = &mut answer => return answer,
                    () = upload => {}
                }
            }
            answer.await
        };
        let unanswered = match timeout_at(until, answer).await {
            Ok(Ok(Ok(Answer { mut first, rest }))) => {
                self.0.metrics.client().round_trip(started.elapsed());
                return Ok(Response {
                    id: call.id().clone(),
                    status: first.head.status,
                    records: Records::new(&mut first, rest, call, until),
                    headers: first.headers,
                });
            }
            Ok(Ok(Err(error))) => unsent(error, call.id()),
            Ok(Err(_)) => unknown(UnknownReason::Closed, call.id()),
            Err(_) => unknown(UnknownReason::DeadlinePassed, call.id()),
        };
        // The service knows the deadline, and a closed client is no reason to
        // stop the work: no cancel.
        call.give_up();
        Err(unanswered)
    }

    /// Sends a one-way and waits until the log has it.
    pub(crate) async fn post(&self, mut request: Request) -> Result<CorrelationId, Unanswered> {
        let shared = &*self.0;
        let id = shared.address(&mut request, &Context::current());
        let sent = if is_chunked(&request) {
            let (head, record) = shared.bare_record(request);
            upload::send(&*shared.transport, &shared.uploads, head, record).await
        } else {
            let (ack, receipt) = Ack::pair();
            shared.transport.send(&shared.record(request), ack);
            receipt.await.map(drop)
        };
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
    unknown(reason, id)
}

fn unknown(reason: UnknownReason, id: &CorrelationId) -> Unanswered {
    Unanswered::Unknown(Unknown {
        correlation_id: id.clone(),
        reason,
    })
}

/// Whether the body takes more than one record. Only our own services read chunks.
fn is_chunked(request: &Request) -> bool {
    request.body.len() > CHUNK && request.callee.dialect == Dialect::Native
}

impl Shared {
    /// Registers a call and sends its request, or the beginning of it.
    fn begin(
        self: &Arc<Self>,
        mut request: Request,
        started: Instant,
    ) -> Result<Begun, Unanswered> {
        if !self.inbox.is_ready() {
            return Err(Rejected::InboxNotReady.into());
        }
        if let Some(service) = self.watch(&request.callee) {
            service.check(started)?;
        }
        let context = Context::current();
        let timeout = request.timeout.unwrap_or(self.timeout);
        let now = self.transport.now();
        let deadline = context.deadline(now, timeout);
        let left = deadline.remaining(now);
        if left.is_zero() {
            return Err(Rejected::TooLate.into());
        }
        let id = self.address(&mut request, &context);
        request.head.reply_to = Some(self.inbox.address());
        request.head.deadline = Some(deadline);
        request.head.accepts = Accepts::ALL;
        request.head.chain = context.held();
        let Waiting {
            answer,
            registration,
        } = self.pending.register(id.clone(), request.callee.dialect)?;
        let callee = Arc::clone(&request.callee);
        let upload = if is_chunked(&request) {
            Some(Arc::clone(self).upload(id, request))
        } else {
            let ack = self.pending.ack(id);
            self.transport.send(&self.record(request), ack);
            None
        };
        Ok(Begun {
            call: OpenCall::new(Arc::clone(self), callee, registration),
            answer,
            upload,
            until: started + left,
        })
    }

    /// Says who sends the request, in which dialect and in which trace.
    fn address(&self, request: &mut Request, context: &Context) -> CorrelationId {
        request.head.dialect = request.callee.dialect;
        let id = request.head.dialect.correlation_id();
        request.head.correlation_id = Some(id.clone());
        request.head.caller = Some(self.caller.clone());
        if !request.headers.contains(names::TRACEPARENT) {
            request.head.trace.clone_from(&context.trace);
        }
        id
    }

    fn upload(self: Arc<Self>, id: CorrelationId, request: Request) -> Upload {
        Box::pin(async move {
            let (head, record) = self.bare_record(request);
            let sent = upload::send(&*self.transport, &self.uploads, head, record).await;
            if let Err(error) = sent {
                self.pending.fail(&id, error);
            }
        })
    }

    /// The one record of a request.
    fn record(&self, request: Request) -> Outgoing {
        let (head, mut record) = self.bare_record(request);
        head.write(&mut record.envelope.headers);
        record
    }

    /// What a request says, and its record without that.
    fn bare_record(&self, request: Request) -> (RequestHead, Outgoing) {
        let topic = match request.topic {
            Some(topic) => self.names.named(topic),
            None => Arc::clone(&request.callee.requests),
        };
        let record = Outgoing {
            topic,
            partition: None,
            envelope: Envelope {
                headers: request.headers,
                key: request.key,
                payload: Some(request.body),
            },
        };
        (request.head, record)
    }
}
