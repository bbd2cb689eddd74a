//! The terms of one endpoint.

use std::time::Duration;

use super::{Guarantee, Idempotency, KeyRule, Mode, RetrySpec, StoreDown};

/// Everything about an endpoint that is not a type: what a caller must send, and
/// what a service promises before a handler is reached. Known at compile time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Terms {
    /// The contract's name in code: `place_order`.
    pub name: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path template: `/orders/{id}/place`.
    pub path: &'static str,
    /// How it answers. Default: one reply.
    pub mode: Mode,
    /// Whether anyone may repeat the request without harm, beyond what its
    /// method says. Default: false.
    pub safe: bool,
    /// What is done with idempotency keys. Default: nothing.
    pub idempotency: Idempotency,
    /// The largest reply, in bytes, that is stored to answer repetitions with; of a
    /// larger one only that it was there, so that 0 refuses every repetition. `None`
    /// leaves it to the service's store.
    pub max_reply: Option<usize>,
    /// What is done while the dedup store is away. `None` leaves it to the service.
    pub store_down: Option<StoreDown>,
    /// How often a handler may see one record. Default: at least once.
    pub guarantee: Guarantee,
    /// How long a handler may run, and how long a caller waits unless it says
    /// otherwise. `None` leaves it to service and client.
    pub timeout: Option<Duration>,
    /// What decides the record key.
    pub key: KeyRule,
    /// The topic it is sent to, where that is not its service's request topic.
    pub topic: Option<&'static str>,
    /// How failed attempts are repeated. `None` leaves it to the service.
    pub retry: Option<RetrySpec>,
    /// The service that answers it, where the contract is tied to one.
    pub service: Option<&'static str>,
}

impl Terms {
    /// Terms with every default.
    #[must_use]
    pub const fn new(name: &'static str, method: &'static str, path: &'static str) -> Self {
        Self {
            name,
            method,
            path,
            mode: Mode::Call,
            safe: false,
            idempotency: Idempotency::Off,
            max_reply: None,
            store_down: None,
            guarantee: Guarantee::AtLeastOnce,
            timeout: None,
            key: KeyRule::Default,
            topic: None,
            retry: None,
            service: None,
        }
    }

    /// Sets the mode.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Says that anyone may repeat the request.
    #[must_use]
    pub const fn safe(mut self) -> Self {
        self.safe = true;
        self
    }

    /// Sets what is done with idempotency keys.
    #[must_use]
    pub const fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// Sets the largest reply that is stored, in bytes.
    #[must_use]
    pub const fn max_reply(mut self, bytes: usize) -> Self {
        self.max_reply = Some(bytes);
        self
    }

    /// Sets what is done while the dedup store is away.
    #[must_use]
    pub const fn store_down(mut self, what: StoreDown) -> Self {
        self.store_down = Some(what);
        self
    }

    /// Sets how often a handler may see one record.
    #[must_use]
    pub const fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = guarantee;
        self
    }

    /// Sets the timeout.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets what decides the record key.
    #[must_use]
    pub const fn key(mut self, key: KeyRule) -> Self {
        self.key = key;
        self
    }

    /// Names a topic of the endpoint's own.
    #[must_use]
    pub const fn topic(mut self, topic: &'static str) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Asks for retries.
    #[must_use]
    pub const fn retry(mut self, retry: RetrySpec) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Ties the contract to a service.
    #[must_use]
    pub const fn service(mut self, service: &'static str) -> Self {
        self.service = Some(service);
        self
    }
}

/// `POST /orders/{id}/place`: the endpoint's name in metrics and messages.
impl std::fmt::Display for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
