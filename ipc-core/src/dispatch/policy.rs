//! What an endpoint asks of dispatch: settled before its handler is reached.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;

use crate::contract::{Guarantee, Idempotency, Mode, RetrySpec, StoreDown};
use crate::envelope::principal::Verify;
use crate::envelope::{Envelope, RequestHead};

/// What one endpoint asks of dispatch.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// The endpoint's name in metrics, logs and dead letters: `POST /orders/{id}`.
    pub name: Arc<str>,
    /// How it answers.
    pub mode: Mode,
    /// How long a handler may run. Default: 30 s.
    pub timeout: Duration,
    /// How long a one-way may wait for *not now* to pass, from its record's
    /// timestamp. Default: 24 h.
    pub max_age: Duration,
    /// How often a handler may see one record. Default: at least once.
    pub guarantee: Guarantee,
    /// What is done with idempotency keys. Default: nothing.
    pub idempotency: Idempotency,
    /// The largest reply, in bytes, that is stored to answer repetitions with; of a
    /// larger one only that it was there. `None` leaves it to the service's store.
    pub max_reply: Option<usize>,
    /// What is done while the dedup store is away. Default: what the service says of
    /// its store.
    pub store_down: Option<StoreDown>,
    /// Whether anyone may repeat the request without harm, beyond what its
    /// method says. Default: false.
    pub safe: bool,
    /// How many handlers of this endpoint may run at once. Default: no bound of
    /// its own.
    pub concurrency: Option<usize>,
    /// Whether its requests may have a record key, and with it an order. Default: true;
    /// false for endpoints with `key = none`.
    pub keyed: bool,
    /// Whose word is taken for who sent a request. Default: nobody's.
    pub principals: Option<Trust>,
    /// How a failed attempt is repeated. Default: not at all, a one-way is
    /// dead-lettered.
    pub retry: Option<RetrySpec>,
    /// Whether a call that ends in a 5xx is repeated too, where it is and while
    /// its caller waits. Default: false; true for endpoints that ask for retries
    /// themselves.
    pub retries_calls: bool,
}

impl Policy {
    /// A policy with every default.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            mode: Mode::default(),
            timeout: Duration::from_secs(30),
            max_age: Duration::from_secs(24 * 60 * 60),
            guarantee: Guarantee::default(),
            idempotency: Idempotency::default(),
            max_reply: None,
            store_down: None,
            safe: false,
            concurrency: None,
            keyed: true,
            principals: None,
            retry: None,
            retries_calls: false,
        }
    }
}

/// Those whose word is taken for who sent a request. Equal to its own clones only.
#[derive(Clone, Debug)]
pub struct Trust(Arc<dyn Verify>);

impl Trust {
    /// Takes the word of those that `verify` knows.
    pub fn new(verify: impl Verify + 'static) -> Self {
        Self(Arc::new(verify))
    }

    pub(crate) fn verify(&self) -> &dyn Verify {
        &*self.0
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trust {}

impl Policy {
    /// Whether its records may be parked with their key.
    pub(crate) fn parks(&self) -> bool {
        self.keyed && self.guarantee == Guarantee::AtLeastOnce
    }
}

/// Finds the policy of a record before its handler is reached.
pub trait Policies: Send + Sync + 'static {
    /// The policy of the endpoint this record is for. A record for which no
    /// endpoint is known gets the service's default policy: the application
    /// behind may still know it.
    fn find(&self, head: &RequestHead, envelope: &Envelope, topic: &str) -> Arc<Policy>;

    /// The policy of every record of `topic` that is not HTTP-shaped, where they all
    /// have one: then it is asked for once and not for each record. The default knows
    /// no such topic.
    fn of_topic(&self, topic: &str) -> Option<Arc<Policy>> {
        let _ = topic;
        None
    }

    /// Every policy there is, for checks at start.
    fn all(&self) -> Vec<Arc<Policy>>;
}

/// One policy for every record.
impl Policies for Arc<Policy> {
    fn find(&self, _: &RequestHead, _: &Envelope, _: &str) -> Arc<Policy> {
        Self::clone(self)
    }

    fn all(&self) -> Vec<Arc<Policy>> {
        vec![Self::clone(self)]
    }
}

/// The path without its query.
#[must_use]
pub fn path_only(path: &ByteString) -> &str {
    path.split_once('?').map_or(&**path, |(path, _)| path)
}
