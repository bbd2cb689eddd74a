//! One exchange: a request out, an answer in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use tokio::time::Instant;

use super::error::Unanswered;
use super::pending::{Registration, Waiting};
use super::presence::Watched;
use super::records::Records;
use super::{Client, Rejected, Shared, Unknown, UnknownReason};
use crate::envelope::control::Control;
use crate::envelope::{
    Accepts, Context, CorrelationId, Envelope, Headers, ReplyAddress, RequestHead, names,
};
use crate::transport::{Ack, Outgoing, Placed, SendError};

/// What a caller may say about one request beyond its contents.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// How long to wait. Default: the contract's timeout, else the client's.
    pub timeout: Option<Duration>,
    /// The caller's operation id.
    pub idempotency_key: Option<ByteString>,
    /// The record key. Default: what the contract says.
    pub key: Option<Bytes>,
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
        service.check(started)?;
        let context = Context::current();
        let timeout = request.timeout.unwrap_or(shared.timeout);
        let now = shared.transport.now();
        let deadline = context.deadline(now, timeout);
        let left = deadline.remaining(now);
        if left.is_zero() {
            return Err(Rejected::TooLate.into());
        }
        let until = started + left;
        let id = CorrelationId::random();
        let place = &shared.inbox.place;
        request.head.correlation_id = Some(id.clone());
        request.head.reply_to = Some(ReplyAddress::new(&*place.topic, Some(place.partition)));
        request.head.deadline = Some(deadline);
        request.head.caller = Some(shared.caller.clone());
        request.head.accepts = Accepts::ALL;
        inherit(&context, &mut request.headers);
        let Waiting {
            mut answer,
            registration,
        } = shared.pending.register(id.clone())?;
        let name = request.service.clone();
        let record = shared.record(request);
        let (ack, receipt) = Ack::pair();
        let call = OpenCall {
            shared: Arc::clone(shared),
            service: name,
            registration,
            finished: false,
        };
        shared.transport.send(&record, ack);
        let unknown = |reason| Unknown {
            correlation_id: id.clone(),
            reason,
        };
        let receipt = async {
            match receipt.await {
                // From here on only the answer or the deadline counts.
                Ok(_) => std::future::pending().await,
                Err(error) => error,
            }
        };
        let answered = tokio::select! {
            biased;
            answer = &mut answer => answer.map_err(|_| unknown(UnknownReason::Closed).into()),
            error = receipt => Err(if error.is_known_unsent() {
                Unanswered::from(Rejected::Send(error))
            } else {
                unknown(UnknownReason::Unacknowledged).into()
            }),
            () = tokio::time::sleep_until(until) => {
                Err(unknown(UnknownReason::DeadlinePassed).into())
            }
        };
        match answered {
            Ok(mut answer) => {
                let headers = std::mem::take(&mut answer.first.headers);
                let instance = headers
                    .get_str(names::INSTANCE)
                    .and_then(|instance| service.gone(instance));
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
    pub(crate) async fn post(&self, request: Request) -> Result<Placed, Unanswered> {
        let id = CorrelationId::random();
        let mut request = request;
        request.head.correlation_id = Some(id.clone());
        request.head.caller = Some(self.0.caller.clone());
        inherit(&Context::current(), &mut request.headers);
        let record = self.0.record(request);
        let (ack, receipt) = Ack::pair();
        self.0.transport.send(&record, ack);
        receipt.await.map_err(|error| match error {
            error if error.is_known_unsent() => Rejected::Send(error).into(),
            SendError::Closed => Unknown {
                correlation_id: id,
                reason: UnknownReason::Closed,
            }
            .into(),
            _ => Unknown {
                correlation_id: id,
                reason: UnknownReason::Unacknowledged,
            }
            .into(),
        })
    }
}

/// What a request takes along from the one it is made for.
fn inherit(context: &Context, headers: &mut Headers) {
    if let Some(trace) = &context.trace
        && !headers.contains(names::TRACEPARENT)
    {
        headers.push_static(names::TRACEPARENT, trace.to_string());
        if let Some(state) = trace.state() {
            headers.push_static(names::TRACESTATE, state.as_bytes().clone());
        }
    }
    if !context.chain.is_empty() {
        headers.set(names::CHAIN, context.chain.as_text().as_bytes().clone());
    }
}

impl Shared {
    fn watch(&self, service: &str) -> Arc<Watched> {
        let topic = || self.names.control(service);
        self.services
            .watch(service, topic, &self.transport, &self.stop)
    }

    fn record(&self, request: Request) -> Outgoing {
        let Request {
            service,
            topic,
            head,
            mut headers,
            key,
            body,
            ..
        } = request;
        headers.reserve(10);
        head.write(&mut headers);
        let topic = topic.map_or_else(
            || self.names.requests(&service),
            |topic| format!("{}{topic}", self.names.prefix()).into(),
        );
        Outgoing {
            topic,
            partition: None,
            envelope: Envelope {
                headers,
                key,
                payload: Some(body),
            },
        }
    }

    fn control(&self, service: &str, control: &Control) {
        let record = Outgoing {
            topic: self.names.control(service),
            partition: Some(0),
            envelope: control.to_envelope(),
        };
        self.transport.send(&record, Ack::ignored());
    }
}

/// A call under way. Dropped before it is finished it tells the service that
/// nobody waits any more.
pub(crate) struct OpenCall {
    shared: Arc<Shared>,
    service: String,
    registration: Registration,
    finished: bool,
}

impl OpenCall {
    /// The answer is complete, or nobody can be told.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }

    /// Tells the service how much of the answer has been read.
    pub(crate) fn credit(&self, bytes: u64) {
        let credit = Control::Credit {
            correlation_id: self.registration.id().clone(),
            caller: self.shared.caller.clone(),
            bytes,
            records: None,
        };
        self.shared.control(&self.service, &credit);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.finished {
            let cancel = Control::Cancel {
                correlation_id: self.registration.id().clone(),
                caller: self.shared.caller.clone(),
            };
            self.shared.control(&self.service, &cancel);
        }
    }
}

impl std::fmt::Debug for OpenCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenCall")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
