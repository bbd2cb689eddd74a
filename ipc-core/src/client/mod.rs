//! Calling services: request/reply, one-way, and one request with many replies.
//!
//! A [`Client`] reads its replies from one partition of its fleet's reply topic,
//! without a consumer group. Cloning it is cheap; all clones share one inbox.

mod builder;
mod call;
mod callee;
mod elsewhere;
mod error;
mod inbox;
mod open_call;
mod parked;
mod pending;
mod place;
mod presence;
mod records;
mod service;
mod slot;
mod stream;
mod upload;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use builder::ClientBuilder;
pub use call::{Options, RecordKey};
pub(crate) use call::{Request, Response};
use callee::Callees;
pub use elsewhere::Elsewhere;
pub use error::{CallError, Rejected, Unknown, UnknownReason};
pub use parked::WatchedOneWay;
pub(crate) use records::{BrokenOff, Records};
pub use service::{AsCall, AsOneWay, AsStream, AsWatched, Sending, ServiceClient};
pub use stream::ReplyStream;

use crate::envelope::{CallerId, Dialect};
use crate::metrics::Metrics;
use crate::transport::{TopicNames, Transport};
use inbox::Inbox;
use pending::Pending;
pub use presence::ABSENCE_GRACE;
use presence::Watches;
use upload::Uploads;

/// Calls services over Kafka.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    transport: Arc<dyn Transport>,
    caller: CallerId,
    names: TopicNames,
    timeout: Duration,
    pending: Arc<Pending>,
    inbox: Inbox,
    callees: Callees,
    watches: Watches,
    uploads: Arc<Uploads>,
    dialects: HashMap<String, Foreign>,
    metrics: Metrics,
    stop: CancellationToken,
    keeper: Mutex<JoinSet<()>>,
}

/// How a service that is not one of ours is called.
#[derive(Clone, Debug)]
struct Foreign {
    dialect: Dialect,
    /// Where it takes its requests from; its name and `.requests` by default.
    topic: Option<String>,
}

impl Client {
    /// A client of `fleet`: all instances of one program share a fleet, and with
    /// it the reply topic `<fleet>.replies`.
    pub fn builder(fleet: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(fleet.into())
    }

    /// Whether replies are heard at present.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.inbox.is_ready()
    }

    /// How many calls wait for an answer.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.0.pending.len()
    }

    /// Ends every pending call as unknown, waits until what was sent is settled,
    /// and stops reading. Clones of this client reject further calls.
    ///
    /// # Cancel safety
    ///
    /// Calling again goes on with it.
    pub async fn close(&self) {
        self.0.pending.close();
        self.0.stop.cancel();
        if let Err(error) = self.0.transport.flush(Duration::from_secs(5)).await {
            tracing::warn!(%error, "client closed with unsettled records");
        }
        let keeper = std::mem::take(&mut *self.0.keeper.lock());
        keeper.join_all().await;
        self.0.watches.closed().await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pending.close();
        self.stop.cancel();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("caller", &self.0.caller)
            .field("inbox", &self.0.inbox.address())
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}
