//! The way to services: what the gateway needs of a Kafka client, and no more.

mod failure;
mod kafka;
mod none;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{Request, Response, response};
use ipc_core::client::Elsewhere;
use ipc_core::envelope::principal::Sign;
use ipc_core::envelope::{CorrelationId, Problem};

use crate::auth::Principal;
use crate::peer::Peer;

pub use failure::Failure;
pub use kafka::KafkaUpstream;
pub use none::NoUpstream;

/// A request on its way to a service.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outbound {
    /// The service.
    pub service: Arc<str>,
    /// The request: its URI holds path and query only, and none of its headers is
    /// reserved.
    pub request: Request<Bytes>,
    /// The record's key.
    pub key: Option<Bytes>,
    /// How long the caller waits: for the reply, for the first record of a
    /// stream, or for the broker to acknowledge a one-way.
    pub timeout: Duration,
    /// The HTTP client.
    pub peer: Peer,
    /// Who the HTTP client is, where its route asks for that.
    pub principal: Option<Principal>,
    /// Vouches for that client, where services are told.
    pub vouching: Option<Arc<dyn Sign>>,
    /// Whether it is a copy of a request that is answered elsewhere.
    pub shadow: bool,
}

/// A service's reply to a call.
#[derive(Debug)]
pub struct Answer {
    /// The reply, whatever its status.
    pub response: Response<Body>,
    /// The id of the request it answers, where the client tells.
    pub correlation_id: Option<CorrelationId>,
}

/// A service's replies to one request.
pub struct ReplyStream {
    /// Status and headers, from the first record.
    pub head: response::Parts,
    /// The id of the request they answer, where the client tells.
    pub correlation_id: Option<CorrelationId>,
    /// The records in order, without gaps. Ends when the service ended it well;
    /// an error is the last item.
    pub records: BoxStream<'static, Result<ReplyRecord, Problem>>,
}

/// One record of a reply stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyRecord {
    /// Its position in the stream, from 0.
    pub seq: u32,
    /// What it says.
    pub payload: Bytes,
}

/// Sends requests to services.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    ///
    /// Every end that is no reply. A reply with an error status is a reply.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the call up; the service is told, at best
    /// effort.
    async fn call(&self, outbound: Outbound) -> Result<Answer, Failure>;

    /// Sends a request that nobody waits for, and waits for the broker to
    /// acknowledge it. Answers with its id, where the client tells.
    ///
    /// # Errors
    ///
    /// Where it was not acknowledged.
    ///
    /// # Cancel safety
    ///
    /// The request may or may not have been sent.
    async fn send(&self, outbound: Outbound) -> Result<Option<CorrelationId>, Failure>;

    /// Sends a request that is answered `elsewhere`, and waits for the broker to
    /// acknowledge it. Default: it cannot be sent.
    ///
    /// # Errors
    ///
    /// Where it was not acknowledged.
    ///
    /// # Cancel safety
    ///
    /// The request may or may not have been sent.
    async fn accept(&self, outbound: Outbound, elsewhere: Elsewhere) -> Result<(), Failure> {
        drop((outbound, elsewhere));
        let title = "nothing can be answered later here";
        Err(Failure::Refused(Problem::new("not-supported", title, 501)))
    }

    /// Sends a request and waits for the first of its replies.
    ///
    /// # Errors
    ///
    /// As [`call`](Upstream::call).
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Upstream::call). Dropping the records ends the stream.
    async fn stream(&self, outbound: Outbound) -> Result<ReplyStream, Failure>;

    /// What it counts and times, in the OpenMetrics text format; empty where
    /// that is nothing.
    fn metrics(&self) -> String;
}
