//! A store in Redis or Valkey.
//!
//! One hash for each piece of work, at `<prefix>:<service>:<digest in hex>`:
//!
//! | field | what it is |
//! |---|---|
//! | `fingerprint` | what was asked for, 32 bytes |
//! | `fence` | the number of the last claim |
//! | `ticket` | who claimed it, until it is done or released |
//! | `lease_end` | until when, in milliseconds of the server's clock |
//! | `reply` | the reply, once there is one |
//!
//! Each step is one script, which the server runs as a whole and by its own clock.

mod claimed;
mod fault;
mod info;
mod script;
mod server;

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    Claim, ClaimRequest, DedupStore, Effects, Fingerprint, FinishError, Needs, StoreError,
    StoredReply, WorkId,
};
use claimed::{Held, Hold};
use script::Answer;
use server::Server;

/// What it is called in errors.
const NAME: &str = "redis";
const PREFIX: &str = "ipc:dedup";
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Keeps claims and replies in a Redis (5 or newer) or a Valkey that all instances
/// of a service share.
///
/// The server must be one that keeps what it was given: `maxmemory-policy
/// noeviction`, and `appendonly yes` unless a crash of it may forget. It is one
/// server, or a primary with its replicas behind one address; a Redis Cluster is
/// refused, and so is TLS.
///
/// Every claim and every reply is one round trip over one connection, on which
/// those of concurrent requests follow one another without waiting. The connection
/// is made at the first use, and again where it broke.
///
/// Its user needs `+evalsha +script|load +info +time +hmget +hget +hset +hdel
/// +pexpire` on `~ipc:dedup:*`.
///
/// ```
/// use ipc_core::store::{Dedup, RedisStore};
///
/// let dedup = Dedup::new(RedisStore::new("redis://127.0.0.1:6379"));
/// # let _ = dedup;
/// ```
///
/// Clones share their connection.
#[derive(Clone)]
pub struct RedisStore {
    server: Arc<Server>,
    prefix: Arc<str>,
}

impl RedisStore {
    /// The server at `address`, `redis://[[user]:password@]host[:port][/database]`.
    /// What is wrong with it is told when the service starts.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            server: Arc::new(Server::new(address, ANSWER_WITHIN)),
            prefix: PREFIX.into(),
        }
    }

    /// What the names of all keys begin with, before a colon. Default: `ipc:dedup`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long the server may take to answer, connecting included, before it counts
    /// as away. Default: 1 s.
    #[must_use]
    pub fn answer_within(mut self, bound: Duration) -> Self {
        self.server = Arc::new(self.server.answering_within(bound));
        self
    }

    /// The scope begins with the service, so that its keys can be told from others
    /// and permissions given for them.
    fn key(&self, id: &WorkId) -> String {
        let service = id.scope.split(' ').next().unwrap_or_default();
        let mut key = format!("{}:{service}:", self.prefix);
        for byte in id.digest() {
            // Into a string: it cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// Does a piece of work that nobody asks for and that is forgotten at once:
    /// whether the scripts may do what they must shows only as they do it.
    async fn rehearse(&self, service: &str) -> Result<(), StoreError> {
        let id = WorkId {
            scope: Arc::from(format!("{service} start")),
            key: Uuid::new_v4().into_bytes().to_vec().into(),
        };
        let mut request = ClaimRequest::new(id, Fingerprint::of(&[]), "start");
        request.lease = Duration::ZERO;
        request.keep = Duration::ZERO;
        let Claim::Granted(claimed) = self.claim(&request).await? else {
            return Err(self.server.error("knows of work that nobody has begun"));
        };
        let reply = StoredReply::new(204, Vec::new(), "");
        match claimed.finish(&reply, Effects::Keep).await {
            // Its lease was over at once: it may be lost.
            Ok(()) | Err(FinishError::Fenced) => Ok(()),
            Err(FinishError::Undone(error) | FinishError::Unknown { error, .. }) => Err(error),
        }
    }
}

#[async_trait]
impl DedupStore for RedisStore {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        let alone = |error: StoreError| vec![error.to_string()];
        let info = self.server.info().await.map_err(alone)?;
        let faults = info::faults(&info);
        if !faults.is_empty() {
            let named = |fault: String| self.server.error(fault).to_string();
            return Err(faults.into_iter().map(named).collect());
        }
        if info::forgets_in_a_crash(&info) {
            tracing::warn!(
                service = needs.service,
                server = self.server.address(),
                "appendonly is off: where this server of the dedup store is killed, it forgets \
                 replies, and handles their repetitions anew; CONFIG SET appendonly yes"
            );
        }
        self.rehearse(&needs.service).await.map_err(alone)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let mut hold = Hold::new(&self.server, self.key(&request.id), &request.owner);
        Ok(match hold.claim(request).await? {
            Answer::Granted { fence, took_over } => {
                Claim::Granted(Box::new(Held::new(hold, fence, took_over, request)))
            }
            Answer::Running { lease_left } => {
                hold.end();
                let lease_left = Some(lease_left);
                Claim::Running { lease_left }
            }
            Answer::Done(reply) => {
                hold.end();
                let reply = StoredReply::from_bytes(&reply);
                Claim::Done(reply.map_err(|error| StoreError::new(NAME, error.to_string()))?)
            }
            Answer::Mismatch => {
                hold.end();
                Claim::Mismatch
            }
        })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", &self.server.address())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_key_names_the_service_and_nothing_that_was_sent() {
        let id = WorkId {
            scope: Arc::from("orders POST /orders/{id}/place"),
            key: Bytes::from_static(b"the-callers-key"),
        };
        let key = RedisStore::new("redis://localhost").prefix("team").key(&id);
        let digest = key.strip_prefix("team:orders:").unwrap();
        assert_eq!(digest.len(), 64);
        assert!(digest.bytes().all(|it| it.is_ascii_hexdigit()), "{digest}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let store = RedisStore::new("redis://somebody:secret@cache:7000/3");
        let shown = format!("{store:?}");
        assert!(shown.contains("cache:7000"), "{shown}");
        assert!(
            !shown.contains("somebody") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_one_fault_and_is_not_repeated() {
        let needs = Needs::new("orders", Duration::from_secs(1), Duration::from_secs(1));
        for address in [
            "secret@cache:6379",
            "http://:secret@cache",
            "redis://:secret@",
            "rediss://:secret@cache",
        ] {
            let faults = RedisStore::new(address).check(&needs).await.unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains("redis://"), "{faults:?}");
            assert!(!faults[0].contains("secret"), "{faults:?}");
        }
    }
}
