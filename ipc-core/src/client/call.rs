//! One exchange: a request out, an answer in.

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::future::Either;
use tokio::time::{Instant, timeout_at};

use super::callee::Callee;
use super::error::Unanswered;
use super::open_call::OpenCall;
use super::pending::Answer;
use super::records::Records;
use super::slot::Told;
use super::upload;
use super::{Client, Rejected, Shared, Unknown, UnknownReason};
use crate::envelope::limits::CHUNK;
use crate::envelope::principal::{Covered, Sign};
use crate::envelope::{
    Accepts, Context, CorrelationId, Deadline, Dialect, Envelope, Headers, RequestHead, UnixMillis,
    names,
};
use crate::metrics::{CallOutcome, ClientMetrics, Held};
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
    /// Marks the request as a copy of one that is answered elsewhere. What a handler
    /// of such a copy asks others is marked too. Default: false.
    pub shadow: bool,
    /// Vouches for who sends the request, in `ipc-principal`. Default: nobody does.
    pub principal: Option<Arc<dyn Sign>>,
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
    callee: Arc<Callee>,
    /// Method, path and idempotency key; the rest is completed here.
    pub(super) head: RequestHead,
    /// What is sent, but for the headers that the head writes.
    pub(super) record: Outgoing,
    timeout: Option<Duration>,
    principal: Option<Arc<dyn Sign>>,
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
    /// What is left to send, where the body takes more than one record.
    upload: Option<Upload>,
    until: Instant,
    pending: Held,
}

/// Sends chunks, and has the call fail where one is not sent.
type Upload = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Client {
    /// Sends a request and waits for the first record of its answer. It is sent
    /// before the first poll: the future is the smaller without it.
    pub(crate) fn exchange(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, Unanswered>> + Send + use<> {
        let started = Instant::now();
        match self.0.begin(request, started) {
            Ok(begun) => Either::Right(begun.answer(started)),
            Err(unanswered) => {
                self.0.metrics.client().call_ended(CallOutcome::Rejected);
                Either::Left(ready(Err(unanswered)))
            }
        }
    }

    /// Sends a one-way and waits until the log has it, or its time is over. The record
    /// itself has no deadline.
    pub(crate) async fn post(&self, mut request: Request) -> Result<CorrelationId, Unanswered> {
        let id = self.identify(&mut request);
        self.log(request, &id).await?;
        Ok(id)
    }

    /// Says who sends the request, in which dialect and in which trace.
    pub(super) fn identify(&self, request: &mut Request) -> CorrelationId {
        self.0.address(request, &Context::current())
    }

    /// Waits until the log has a request, or its time is over.
    pub(super) async fn log(&self, request: Request, id: &CorrelationId) -> Result<(), Unanswered> {
        let shared = &*self.0;
        let started = Instant::now();
        let (_, left) = shared.deadline(&request, &Context::current())?;
        let sending = async {
            if request.is_chunked() {
                let Request { head, record, .. } = request;
                let (transport, uploads) = (&*shared.transport, &shared.uploads);
                return upload::send(transport, uploads, head, record, false).await;
            }
            let (ack, receipt) = Ack::pair();
            shared.send_whole(request, ack);
            receipt.await.map(drop)
        };
        match timeout_at(started + left, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unsent(error, id)),
            Err(_) => Err(unknown(UnknownReason::DeadlinePassed, id)),
        }
    }
}

impl Begun {
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn's future has room for its argument twice"
    )]
    fn answer(
        mut self,
        started: Instant,
    ) -> impl Future<Output = Result<Response, Unanswered>> + Send {
        async move {
            let _pending = self.pending;
            let first = first(&self.call, self.upload.take());
            let told = timeout_at(self.until, first).await;
            let metrics = self.call.metrics();
            let unanswered = match told {
                Ok(Some(Ok(Answer { mut first, rest }))) => {
                    let status = first.head.status;
                    answered(metrics, status, started);
                    return Ok(Response {
                        id: self.call.id().clone(),
                        status,
                        records: Records::new(&mut first, rest, self.call, self.until),
                        headers: first.headers,
                    });
                }
                Ok(Some(Err(error))) => unsent(error, self.call.id()),
                Ok(None) => unknown(UnknownReason::Closed, self.call.id()),
                Err(_) => unknown(UnknownReason::DeadlinePassed, self.call.id()),
            };
            metrics.call_ended(match &unanswered {
                Unanswered::Rejected(_) => CallOutcome::Rejected,
                Unanswered::Unknown(_) => CallOutcome::Unknown,
            });
            // The service knows the deadline, and a closed client is no reason to stop
            // the work: no cancel.
            self.call.give_up();
            Err(unanswered)
        }
    }
}

/// The first record of an answer, while what is left of the request is sent.
async fn first(call: &OpenCall, upload: Option<Upload>) -> Option<Told> {
    if let Some(upload) = upload {
        tokio::select! {
            biased;
            told = call.told() => return told,
            () = upload => {}
        }
    }
    call.told().await
}

fn answered(metrics: &ClientMetrics, status: u16, started: Instant) {
    metrics.round_trip(started.elapsed());
    metrics.call_ended(if status < 400 {
        CallOutcome::Reply
    } else {
        CallOutcome::ApplicationError
    });
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

impl Request {
    /// A request to where the callee takes its requests from.
    pub(crate) fn new(
        callee: Arc<Callee>,
        head: RequestHead,
        envelope: Envelope,
        timeout: Option<Duration>,
    ) -> Self {
        let record = Outgoing {
            topic: Arc::clone(&callee.requests),
            partition: None,
            envelope,
        };
        Self {
            callee,
            head,
            record,
            timeout,
            principal: None,
        }
    }

    /// Has it say who sends it, as far as somebody vouches for that.
    pub(crate) fn from(mut self, principal: Option<Arc<dyn Sign>>) -> Self {
        self.principal = principal;
        self
    }

    /// Says who sends it, once everything else is settled that is signed with that.
    fn sign(&mut self, id: &CorrelationId, now: UnixMillis) {
        let Some(principal) = self.principal.take() else {
            return;
        };
        let envelope = &self.record.envelope;
        let value = principal.sign(
            &Covered {
                correlation_id: id.as_bytes(),
                method: self.head.method.as_deref().unwrap_or_default(),
                path: self.head.path.as_deref().unwrap_or_default(),
                key: envelope.key.as_deref(),
                shadow: self.head.shadow,
                body: envelope.payload.as_deref().unwrap_or_default(),
            },
            now,
        );
        let headers = &mut self.record.envelope.headers;
        headers.push_static(names::PRINCIPAL, value.into_bytes());
    }

    /// In which dialect its callee reads it.
    pub(super) fn dialect(&self) -> Dialect {
        self.callee.dialect
    }

    /// Whether the body takes more than one record. Only our own services read
    /// chunks.
    fn is_chunked(&self) -> bool {
        let body = self.record.envelope.payload.as_ref();
        body.is_some_and(|body| body.len() > CHUNK) && self.callee.dialect == Dialect::Native
    }
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
        self.check_presence(&request, started)?;
        let context = Context::current();
        let (deadline, left) = self.deadline(&request, &context)?;
        let id = self.address(&mut request, &context);
        request.head.reply_to = Some(self.inbox.address());
        request.head.deadline = Some(deadline);
        request.head.accepts = Accepts::ALL;
        request.head.chain = context.held();
        let registration = self.pending.register(id, request.callee.dialect)?;
        let callee = Arc::clone(&request.callee);
        let upload = if request.is_chunked() {
            Some(Arc::clone(self).upload(registration.id().clone(), request))
        } else {
            self.send_whole(request, registration.ack());
            None
        };
        Ok(Begun {
            call: OpenCall::new(Arc::clone(self), callee, registration),
            upload,
            until: started + left,
            pending: self.metrics.client().call_started(),
        })
    }

    /// Refuses a request to a service that is known to be absent.
    pub(super) fn check_presence(
        &self,
        request: &Request,
        started: Instant,
    ) -> Result<(), Rejected> {
        match self.watch(&request.callee) {
            Some(service) => service.check(started),
            None => Ok(()),
        }
    }

    /// Until when its caller waits, and how long that is.
    fn deadline(
        &self,
        request: &Request,
        context: &Context,
    ) -> Result<(Deadline, Duration), Rejected> {
        let timeout = request.timeout.unwrap_or(self.timeout);
        let now = self.transport.now();
        let deadline = context.deadline(now, timeout);
        match deadline.remaining(now) {
            Duration::ZERO => Err(Rejected::TooLate),
            left => Ok((deadline, left)),
        }
    }

    /// Says who sends the request, in which dialect and in which trace.
    fn address(&self, request: &mut Request, context: &Context) -> CorrelationId {
        request.head.dialect = request.callee.dialect;
        let given = request.head.correlation_id.take();
        let id = given.unwrap_or_else(|| request.head.dialect.correlation_id());
        request.head.correlation_id = Some(id.clone());
        request.head.caller = Some(self.caller.clone());
        request.head.shadow |= context.shadow;
        if !request.record.envelope.headers.contains(names::TRACEPARENT) {
            request.head.trace.clone_from(&context.trace);
        }
        request.sign(&id, self.transport.now());
        id
    }

    fn upload(self: Arc<Self>, id: CorrelationId, request: Request) -> Upload {
        Box::pin(async move {
            let Request { head, record, .. } = request;
            let sent = upload::send(&*self.transport, &self.uploads, head, record, true).await;
            if let Err(error) = sent {
                self.pending.fail(&id, error);
            }
        })
    }

    /// Sends a request whose body fits its record.
    fn send_whole(&self, request: Request, ack: Ack) {
        let Request {
            head, mut record, ..
        } = request;
        head.write(&mut record.envelope.headers);
        self.transport.send(&record, ack);
    }
}
