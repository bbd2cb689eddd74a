//! Typed requests to one service.

use std::future::{Future, IntoFuture, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::FutureExt as _;
use futures_util::future::Either;

use super::callee::Callee;
use super::error::Unanswered;
use super::records::{BrokenOff, Records};
use super::{
    CallError, Client, Options, RecordKey, Rejected, ReplyStream, Request, Response, Unknown,
    UnknownReason, WatchedOneWay,
};
use crate::contract::{
    self, CallRequest, EncodedRequest, ErrorReply, OneWayRequest, RawReply, StreamRequest,
};
use crate::envelope::{CorrelationId, Envelope, Headers, RequestHead};

/// Longest reply a typed call gathers, in bytes.
const MAX_REPLY: usize = 64 * 1024 * 1024;

/// One service, as a client sees it. Made by [`Client::service`].
#[derive(Clone, Debug)]
pub struct ServiceClient {
    client: Client,
    callee: Arc<Callee>,
}

impl Client {
    /// The service called `name`.
    #[must_use]
    pub fn service(&self, name: impl Into<String>) -> ServiceClient {
        ServiceClient {
            client: self.clone(),
            callee: self.callee(&name.into()),
        }
    }
}

impl ServiceClient {
    /// Calls an endpoint; await the result for its reply.
    ///
    /// # Errors
    ///
    /// The four outcomes of [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future tells the service that nobody waits any more.
    pub fn call<R: CallRequest>(&self, request: R) -> Sending<R, AsCall> {
        Sending::new(self, request)
    }

    /// Sends a one-way; await the result to know that the log has it.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] where it was not sent, [`CallError::Unknown`]
    /// where that is not known.
    ///
    /// # Cancel safety
    ///
    /// The record may or may not be sent.
    pub fn send<R: OneWayRequest>(&self, request: R) -> Sending<R, AsOneWay> {
        Sending::new(self, request)
    }

    /// Opens a reply stream; await the result for its first record.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream before its end, tells the service that
    /// nobody reads any more.
    pub fn stream<R: StreamRequest>(&self, request: R) -> Sending<R, AsStream> {
        Sending::new(self, request)
    }
}

/// Marks a [`Sending`] that waits for one reply.
#[derive(Debug)]
pub enum AsCall {}
/// Marks a [`Sending`] that waits for the log.
#[derive(Debug)]
pub enum AsOneWay {}
/// Marks a [`Sending`] that waits for the log, and learns of a dead letter later.
#[derive(Debug)]
pub enum AsWatched {}
/// Marks a [`Sending`] that waits for a stream's first record.
#[derive(Debug)]
pub enum AsStream {}

/// A request about to be sent. Nothing leaves until it is awaited, or made a future.
#[must_use = "nothing is sent until this is awaited"]
#[derive(Debug)]
pub struct Sending<R, As> {
    client: Client,
    callee: Arc<Callee>,
    request: R,
    options: Options,
    how: PhantomData<fn() -> As>,
}

impl<R, As> Sending<R, As> {
    fn new(service: &ServiceClient, request: R) -> Self {
        Self {
            client: service.client.clone(),
            callee: Arc::clone(&service.callee),
            request,
            options: Options::default(),
            how: PhantomData,
        }
    }

    /// How long to wait. Default: what the contract says, else the client's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// The caller's operation id: with it a service that stores replies answers
    /// a repeated request from its store.
    pub fn idempotency_key(mut self, key: impl Into<ByteString>) -> Self {
        self.options.idempotency_key = Some(key.into());
        self
    }

    /// The record key, which decides partition and order. Default: what the
    /// contract says.
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.options.key = RecordKey::Bytes(key.into());
        self
    }
}

impl<R: OneWayRequest> Sending<R, AsOneWay> {
    /// Asks the service to tell where the record lies if it gives it up. Awaiting gives a
    /// [`WatchedOneWay`], which counts as a pending call as long as it is kept.
    ///
    /// ```no_run
    /// # use ipc_core::prelude::*;
    /// # use ipc_core::client::ServiceClient;
    /// # use std::time::Duration;
    /// #[endpoint(POST "/orders/{id}/audit", one_way)]
    /// async fn audit(Path(id): Path<u64>) {}
    ///
    /// # async fn run(orders: ServiceClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut sent = orders.send(audit::request(7)).notify_if_parked().await?;
    /// let minute = Duration::from_secs(60);
    /// if let Ok(Some(parked)) = tokio::time::timeout(minute, sent.parked()).await {
    ///     eprintln!("given up: {} at {}:{}", parked.reason, parked.partition, parked.offset);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn notify_if_parked(self) -> Sending<R, AsWatched> {
        Sending {
            client: self.client,
            callee: self.callee,
            request: self.request,
            options: self.options,
            how: PhantomData,
        }
    }
}

impl<R: contract::Request, As> Sending<R, As> {
    fn encode(self) -> Result<(Client, Request), Rejected> {
        let callee = match R::TERMS.service {
            Some(name) => self.client.callee(name),
            None => self.callee,
        };
        let encoded = self.request.encode()?;
        let request = outgoing(&self.client, callee, encoded, self.options);
        Ok((self.client, request))
    }
}

fn outgoing(
    client: &Client,
    callee: Arc<Callee>,
    encoded: EncodedRequest,
    options: Options,
) -> Request {
    let from_idempotency_key = options
        .idempotency_key
        .as_ref()
        .filter(|_| encoded.idempotency_key_is_key)
        .map(|key| key.as_bytes().clone());
    let envelope = Envelope {
        headers: encoded.headers,
        key: options.key.or(|| encoded.key.or(from_idempotency_key)),
        payload: Some(encoded.body),
    };
    let head = RequestHead {
        method: Some(encoded.method),
        path: Some(encoded.path),
        idempotency_key: options.idempotency_key,
        ..RequestHead::default()
    };
    let timeout = options.timeout.or(encoded.timeout);
    let mut request = Request::new(callee, head, envelope, timeout).from(options.principal);
    if let Some(topic) = encoded.topic {
        request.record.topic = client.0.names.named(topic);
    }
    request
}

type Sent<T, E> = Pin<Box<dyn Future<Output = Result<T, CallError<E>>> + Send>>;

impl<R: CallRequest> IntoFuture for Sending<R, AsCall> {
    type Output = Result<R::Reply, CallError<R::Error>>;
    type IntoFuture = Sent<R::Reply, R::Error>;

    fn into_future(self) -> Self::IntoFuture {
        // What the request was made of takes no room while it waits.
        match self.encode() {
            Ok((client, request)) => Box::pin(client.exchange(request).then(replied::<R>)),
            Err(rejected) => Box::pin(ready(Err(rejected.into()))),
        }
    }
}

impl<R: OneWayRequest> IntoFuture for Sending<R, AsOneWay> {
    type Output = Result<(), CallError<R::Error>>;
    type IntoFuture = Sent<(), R::Error>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (client, request) = self.encode()?;
            client.post(request).await?;
            Ok(())
        })
    }
}

impl<R: OneWayRequest> IntoFuture for Sending<R, AsWatched> {
    type Output = Result<WatchedOneWay, CallError<R::Error>>;
    type IntoFuture = Sent<WatchedOneWay, R::Error>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (client, request) = self.encode()?;
            Ok(client.post_watched(request).await?)
        })
    }
}

impl<R: StreamRequest> IntoFuture for Sending<R, AsStream> {
    type Output = Result<ReplyStream<R>, CallError<R::Error>>;
    type IntoFuture = Sent<ReplyStream<R>, R::Error>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (client, request) = self.encode()?;
            let response = client.exchange(request).await?;
            if response.status >= 400 {
                let body = join(response.records, &response.id).await?;
                return Err(CallError::Application(ErrorReply::new(RawReply {
                    status: response.status,
                    headers: response.headers,
                    body,
                })));
            }
            Ok(ReplyStream::new(response))
        })
    }
}

/// What a call's answer comes to. One of several records is in a box: it is rare,
/// and not every call's future has room for it.
fn replied<R: CallRequest>(
    response: Result<Response, Unanswered>,
) -> impl Future<Output = Replied<R>> + Send {
    let mut response = match response {
        Ok(response) => response,
        Err(unanswered) => return Either::Left(ready(Err(unanswered.into()))),
    };
    match response.records.take_whole() {
        Some(body) => Either::Left(ready(read::<R>(response.status, response.headers, body))),
        None => Either::Right(Box::pin(async move {
            let body = join(response.records, &response.id).await?;
            read::<R>(response.status, response.headers, body)
        })),
    }
}

type Replied<R> = Result<<R as CallRequest>::Reply, CallError<<R as contract::Request>::Error>>;

fn read<R: CallRequest>(status: u16, headers: Headers, body: Bytes) -> Replied<R> {
    let reply = RawReply {
        status,
        headers,
        body,
    };
    if status >= 400 {
        return Err(CallError::Application(ErrorReply::new(reply)));
    }
    R::decode(reply).map_err(CallError::Undecodable)
}

/// The whole body of an answer: its payloads, one after the other.
async fn join<E>(mut records: Records, id: &CorrelationId) -> Result<Bytes, CallError<E>> {
    let incomplete = || Unknown {
        correlation_id: id.clone(),
        reason: UnknownReason::Incomplete,
    };
    let mut gathered = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(next) = records.next().await {
        match next {
            Ok(piece) if gathered.is_empty() && only.is_empty() => only = piece,
            Ok(piece) if gathered.len() + only.len() + piece.len() > MAX_REPLY => {
                return Err(incomplete().into());
            }
            Ok(piece) => {
                gathered.extend_from_slice(&std::mem::take(&mut only));
                gathered.extend_from_slice(&piece);
            }
            Err(BrokenOff::Told(reply)) => {
                return Err(CallError::Application(ErrorReply::new(reply)));
            }
            Err(BrokenOff::Incomplete) => return Err(incomplete().into()),
        }
    }
    Ok(if gathered.is_empty() {
        only
    } else {
        gathered.freeze()
    })
}
