//! Every kind of typed handler as one service.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tower::Service;

use super::place::{Placed, Places};
use super::{HandlerError, Message, OneWayHandler, RequestHandler, StreamHandler};
use crate::dispatch::{
    BodyError, BodyStream, Delivery, Failure, Outcome, Reason, Repeat, Reply, ReplyBody,
};
use crate::envelope::codec::{Codec, CodecError, Decode, Encode, Json};
use crate::envelope::{Headers, Problem};

/// A typed handler of any kind, ready to be served: a `tower::Service` from a
/// delivery to its outcome.
///
/// A body that cannot be read is answered 400, or makes a one-way record
/// undecodable. A panic of the handler goes through to the
/// [`Guard`](crate::layer::Guard), which every service has.
#[derive(Clone)]
#[must_use = "a handler does nothing until a service is given it"]
pub struct TopicHandler {
    handle: Arc<dyn Handle>,
    places: Arc<Places>,
}

impl TopicHandler {
    fn of(kind: impl Kind) -> Self {
        Self {
            handle: Arc::new(kind),
            places: Arc::default(),
        }
    }

    /// Answers JSON requests with JSON replies.
    pub fn request<H, T>(handler: H) -> Self
    where
        H: RequestHandler<T>,
        T: Send + Sync + 'static,
        Json: Decode<T> + Encode<H::Reply>,
    {
        Self::request_in::<Json, H, T>(handler)
    }

    /// Answers requests of another codec.
    pub fn request_in<C, H, T>(handler: H) -> Self
    where
        H: RequestHandler<T>,
        T: Send + Sync + 'static,
        C: Decode<T> + Encode<H::Reply> + Send + Sync + 'static,
    {
        Self::of(Requests(Typed::<H, T, C>::new(handler)))
    }

    /// Takes JSON records nobody waits for.
    pub fn one_way<H, T>(handler: H) -> Self
    where
        H: OneWayHandler<T>,
        T: Send + Sync + 'static,
        Json: Decode<T>,
    {
        Self::one_way_in::<Json, H, T>(handler)
    }

    /// Takes records of another codec that nobody waits for.
    pub fn one_way_in<C, H, T>(handler: H) -> Self
    where
        H: OneWayHandler<T>,
        T: Send + Sync + 'static,
        C: Decode<T> + Send + Sync + 'static,
    {
        Self::of(OneWays(Typed::<H, T, C>::new(handler)))
    }

    /// Answers JSON requests with many JSON replies.
    pub fn stream<H, T>(handler: H) -> Self
    where
        H: StreamHandler<T>,
        T: Send + Sync + 'static,
        Json: Decode<T> + Encode<H::Item>,
    {
        Self::stream_in::<Json, H, T>(handler)
    }

    /// Answers requests of another codec with many replies.
    pub fn stream_in<C, H, T>(handler: H) -> Self
    where
        H: StreamHandler<T>,
        T: Send + Sync + 'static,
        C: Decode<T> + Encode<H::Item> + Send + Sync + 'static,
    {
        Self::of(Streams(Typed::<H, T, C>::new(handler)))
    }
}

impl fmt::Debug for TopicHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicHandler").finish_non_exhaustive()
    }
}

impl Service<Delivery> for TopicHandler {
    type Response = Outcome;
    type Error = Infallible;
    type Future = Placed;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        Arc::clone(&self.handle).handle(delivery, &self.places)
    }
}

/// What every kind of handler is once its types are forgotten.
trait Handle: Send + Sync {
    fn handle(self: Arc<Self>, delivery: Delivery, places: &Arc<Places>) -> Placed;
}

/// A kind of handler.
trait Kind: Send + Sync + 'static {
    fn outcome(&self, delivery: &Delivery) -> impl Future<Output = Outcome> + Send;
}

impl<K: Kind> Handle for K {
    fn handle(self: Arc<Self>, delivery: Delivery, places: &Arc<Places>) -> Placed {
        places.put(async move { Ok(self.outcome(&delivery).await) })
    }
}

/// A handler with the types it reads and writes.
struct Typed<H, T, C> {
    handler: H,
    types: PhantomData<fn() -> (T, C)>,
}

impl<H, T, C: Decode<T>> Typed<H, T, C> {
    fn new(handler: H) -> Self {
        Self {
            handler,
            types: PhantomData,
        }
    }

    fn message(&self, delivery: &Delivery) -> Result<Message<T>, Outcome> {
        let body = delivery.envelope.payload.as_deref().unwrap_or_default();
        C::decode(body)
            .map(|body| Message::new(body, delivery.clone()))
            .map_err(|error| undecodable(&error, delivery))
    }
}

struct Requests<H, T, C>(Typed<H, T, C>);

impl<H, T, C> Kind for Requests<H, T, C>
where
    H: RequestHandler<T>,
    T: Send + 'static,
    C: Decode<T> + Encode<H::Reply> + 'static,
{
    async fn outcome(&self, delivery: &Delivery) -> Outcome {
        let message = match self.0.message(delivery) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        let reply = match self.0.handler.handle(message).await {
            Ok(reply) => reply,
            Err(error) => return error.into_outcome(delivery),
        };
        if !delivery.head.is_call() {
            return Outcome::Done;
        }
        match C::encode(&reply) {
            Ok(body) => Outcome::Reply(Reply::full(200, headers::<C>(), body)),
            Err(error) => HandlerError::from(unwritable(&error)).into_outcome(delivery),
        }
    }
}

struct OneWays<H, T, C>(Typed<H, T, C>);

impl<H, T, C> Kind for OneWays<H, T, C>
where
    H: OneWayHandler<T>,
    T: Send + 'static,
    C: Decode<T> + 'static,
{
    async fn outcome(&self, delivery: &Delivery) -> Outcome {
        let message = match self.0.message(delivery) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        match self.0.handler.handle(message).await {
            Ok(()) if delivery.head.is_call() => {
                Outcome::Reply(Reply::full(202, Headers::new(), Bytes::new()))
            }
            Ok(()) => Outcome::Done,
            Err(error) => error.into_outcome(delivery),
        }
    }
}

struct Streams<H, T, C>(Typed<H, T, C>);

impl<H, T, C> Kind for Streams<H, T, C>
where
    H: StreamHandler<T>,
    T: Send + 'static,
    C: Decode<T> + Encode<H::Item> + 'static,
{
    async fn outcome(&self, delivery: &Delivery) -> Outcome {
        if delivery.head.is_call() && !delivery.head.accepts.stream {
            return HandlerError::terminal(stream_not_accepted()).into_outcome(delivery);
        }
        let message = match self.0.message(delivery) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        let replies = match self.0.handler.handle(message).await {
            Ok(replies) => replies,
            Err(error) => return error.into_outcome(delivery),
        };
        if !delivery.head.is_call() {
            return Outcome::Done;
        }
        Outcome::Reply(Reply {
            status: 200,
            headers: headers::<C>(),
            body: ReplyBody::Stream(frames::<C, _, _>(replies)),
            cause: None,
            repeat: Repeat::Unsaid,
        })
    }
}

/// The replies' bodies, up to the first that is a problem.
fn frames<C, S, I>(replies: S) -> BodyStream
where
    S: Stream<Item = Result<I, HandlerError>> + Send + 'static,
    C: Encode<I>,
{
    let frames = AssertUnwindSafe(replies)
        .catch_unwind()
        .map(|reply| match reply {
            Ok(Ok(reply)) => C::encode(&reply).map_err(|error| unwritable(&error)),
            Ok(Err(error)) => Err(error.problem().clone()),
            Err(_) => Err(panic()),
        })
        .scan(false, |ended, frame| {
            let over = std::mem::replace(ended, frame.is_err());
            ready((!over).then(|| frame.map_err(BodyError)))
        });
    Box::pin(frames)
}

fn headers<C: Codec>() -> Headers {
    let mut headers = Headers::with_capacity(1);
    headers.push_static("content-type", C::CONTENT_TYPE);
    headers
}

fn undecodable(error: &CodecError, delivery: &Delivery) -> Outcome {
    let problem = Problem::new("undecodable", "the request body cannot be read", 400)
        .with_detail(error.to_string());
    refused(problem, Reason::Undecodable, delivery)
}

fn panic() -> Problem {
    Problem::new("panic", "the handler panicked", 500)
}

fn stream_not_accepted() -> Problem {
    Problem::new(
        "stream-not-accepted",
        "the caller cannot read a reply stream",
        406,
    )
    .with_detail("send the header ipc-accept with the value stream")
}

/// What becomes of a record whose handler did not come to say.
fn refused(problem: Problem, reason: Reason, delivery: &Delivery) -> Outcome {
    if delivery.head.is_call() {
        let reply = HandlerError::terminal(problem).into_reply(delivery);
        return Outcome::Reply(reply.because(reason));
    }
    Outcome::Failed(Failure {
        reason,
        retryable: false,
        message: problem.to_string().into(),
    })
}

fn unwritable(error: &CodecError) -> Problem {
    Problem::new("reply-unwritable", "a reply cannot be written", 500)
        .with_private(error.to_string())
}
