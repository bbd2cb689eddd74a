//! An inbox in the database in which the handler works.
//!
//! The claim, what the handler writes and the stored reply are one transaction: all
//! of it is there afterwards, or nothing. What a handler writes through its
//! [`Tx`] has its effect exactly once. What it does elsewhere (another database, a
//! mail, a record it sends) has not: that is repeated where the transaction did not
//! come to be committed.
//!
//! ```no_run
//! use axum::http::StatusCode;
//! use ipc_core::extract::Tx;
//! use ipc_core::prelude::*;
//! use ipc_core::store::PostgresStore;
//! use ipc_core::store::postgres::sqlx::{self, postgres::PgPoolOptions};
//!
//! #[endpoint(POST "/orders/{id}/place", idempotency = required)]
//! async fn place(mut tx: Tx, Path(id): Path<i64>) -> Result<Json<i64>, StatusCode> {
//!     let placed = sqlx::query("UPDATE orders SET placed = true WHERE id = $1 AND NOT placed")
//!         .bind(id)
//!         .execute(&mut *tx)
//!         .await
//!         .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
//!     match placed.rows_affected() {
//!         0 => Err(StatusCode::CONFLICT), // undone, and stored as the answer
//!         _ => Ok(Json(id)),              // committed, and then answered
//!     }
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = PgPoolOptions::new()
//!     .max_connections(64)
//!     .connect("postgres://orders@db.internal/orders")
//!     .await?;
//! let inbox = PostgresStore::new(pool);
//! inbox.migrate().await?;
//! let app: App = App::new().endpoints(endpoints![place])?;
//! Service::builder("orders")
//!     .kafka(KafkaConfig::from_env()?)
//!     .dedup(inbox)
//!     .serve(app)
//!     .with_graceful_shutdown(shutdown_signal())
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! # The way of a request
//!
//! | step | what the database is told |
//! |---|---|
//! | claim | `BEGIN`, insert a row under the key, `SAVEPOINT` |
//! | the handler | whatever it says through [`Tx`] |
//! | it answered below 400 | the reply into the row, `COMMIT`; then the caller is answered |
//! | it refused the request (a 4xx that will be the same again) | back to the savepoint, the reply into the row, `COMMIT` |
//! | 408, 425, 429, 5xx, a panic, a timeout, a cancel | `ROLLBACK`: as if it had never come |
//! | the `COMMIT` was not answered | nobody knows: the claim is asked for again, and either the reply is found or the handler runs anew |
//!
//! A duplicate that comes meanwhile waits for the row, no longer than its own
//! deadline allows (`lock_timeout`). There is no lease to wait for: the claim of an
//! instance that dies ends with its connection. Should the connection stay behind (a
//! machine that lost its power, a network that drops packets), the database ends the
//! session after as long as a lease would have been
//! (`idle_in_transaction_session_timeout`), and no statement within a claim outlasts
//! it (`statement_timeout`).
//!
//! A handler must leave the transaction open. One that commits it, rolls it back,
//! keeps its `Tx` beyond its response, or answers well after a statement failed, has
//! its reply not stored: the caller is answered 500, and the log says why.
//!
//! # Connections
//!
//! A claim holds a connection of the pool for as long as its handler runs, and a
//! duplicate that waits holds one too. So `max_connections` bounds the requests under
//! a claim: give the pool as many as the service has
//! [`concurrency`](crate::dispatch::Limits::concurrency), or lower that. A pool of
//! fewer than two is refused at the start, one of fewer than the concurrency is warned
//! of; a request for which no connection comes free in time finds the store away. Give
//! handlers that need further connections another pool.
//!
//! This crate brings no TLS for the connection to the database: which one is the
//! service's choice. Add `sqlx` with one of its `tls-*` features to the service's own
//! manifest, and `sslmode=verify-full` to the address.
//!
//! # Schema and cleaning up
//!
//! [`PostgresStore::migrate`] makes the tables; [`PostgresStore::MIGRATIONS`] are the
//! same for another tool. The names begin with `ipc_inbox` and have no schema: the
//! connection's `search_path` says where they are. A service does not start where they
//! are missing or of another version.
//!
//! While a service runs it deletes replies that have had their time, each minute, a
//! thousand at once; [`PostgresStore::clean_up`] does so when asked.

mod claim;
mod fault;
mod schema;
mod tx;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use super::{Claim, ClaimRequest, DedupStore, Needs, StoreError};

pub(crate) use self::fault::said;
pub(crate) use self::schema::Schema;
pub(crate) use self::tx::NotLent;
pub use self::tx::Tx;
/// The version of `sqlx` whose pool and connections are meant here.
pub use sqlx;

/// What errors, logs and metrics call it.
const NAME: &str = "postgres";
const CLEAN_UP_EVERY: Duration = Duration::from_secs(60);
const CLEAN_UP_AT_ONCE: u32 = 1000;
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// Whatever the database's own defaults are: what another transaction has committed
/// must be seen by the statement that waited for it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// One connection for a claim, and one for what a service does beside.
const FEWEST_CONNECTIONS: u32 = 2;
/// Even one who has no time to wait for another owner waits so long for a connection.
const SHORTEST_WAIT: Duration = Duration::from_secs(5);

/// A transaction on a connection of the pool. Dropped, it is rolled back before the
/// connection is given to anybody else.
type Open = Transaction<'static, Postgres>;

/// Keeps claims and replies in Postgres, and has the handler write in the same
/// transaction. See the [module](self).
///
/// Clones share the pool.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    clean_up_every: Duration,
    beginnings: TaskTracker,
}

impl PostgresStore {
    /// The statements of [`migrate`](Self::migrate), for a tool of the service's own:
    /// the first makes version 1, each further one a version of the one before.
    pub const MIGRATIONS: &[&str] = schema::INBOX.migrations;

    /// Uses the connections of `pool`.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            clean_up_every: CLEAN_UP_EVERY,
            beginnings: TaskTracker::new(),
        }
    }

    /// How often a service looks for replies that have had their time. Default: each
    /// minute.
    #[must_use]
    pub fn clean_up_every(mut self, interval: Duration) -> Self {
        self.clean_up_every = interval;
        self
    }

    /// Deletes at most `limit` replies that have had their time, the oldest first.
    /// Answers how many. Instances that do so at once do not hinder each other.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database does not do it.
    ///
    /// # Cancel safety
    ///
    /// They may be deleted all the same.
    pub async fn clean_up(&self, limit: u32) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM ipc_inbox WHERE work IN (
                 SELECT work FROM ipc_inbox WHERE expires_at <= now()
                 ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        )
        .bind(i64::from(limit))
        .execute(&self.pool)
        .await;
        let deleted = deleted.map_err(|error| fault::of(&self.pool, "cannot clean up", error))?;
        Ok(deleted.rows_affected())
    }

    async fn clean_up_all(&self) -> Result<(), StoreError> {
        while self.clean_up(CLEAN_UP_AT_ONCE).await? == u64::from(CLEAN_UP_AT_ONCE) {}
        Ok(())
    }

    /// Makes the tables where they are missing, in the schema that connections find
    /// first. Instances that start at once wait for one another.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database does not make them, or where there are tables
    /// of a newer version.
    ///
    /// # Cancel safety
    ///
    /// They are there or not, never in part.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrated = schema::INBOX.migrate(&self.pool).await;
        migrated.map_err(|fault| StoreError::new(NAME, fault.to_string()))
    }

    /// Begins a transaction with `statements`, the first of which says so. A
    /// connection must come free `within` that time.
    async fn begin(&self, statements: String, within: Duration) -> Result<Open, StoreError> {
        let pool = self.pool.clone();
        // To its end even where nobody waits for it any more: a connection whose
        // beginning is broken off goes back to the pool inside its transaction.
        let begun = self
            .beginnings
            .spawn(async move { pool.begin_with(AssertSqlSafe(statements)).await });
        match timeout(within, begun).await {
            Ok(Ok(Ok(transaction))) => Ok(transaction),
            Ok(Ok(Err(sqlx::Error::PoolTimedOut))) => {
                Err(fault::no_connection(&self.pool, self.acquire_timeout()))
            }
            Ok(Ok(Err(error))) => Err(fault::of(&self.pool, "cannot begin a transaction", error)),
            Ok(Err(ended)) => Err(StoreError::new(NAME, "the runtime ends").because(ended)),
            Err(_) => Err(fault::no_connection(&self.pool, within)),
        }
    }

    fn acquire_timeout(&self) -> Duration {
        self.pool.options().get_acquire_timeout()
    }
}

#[async_trait]
impl DedupStore for PostgresStore {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Its transaction is the handler's.
    fn outlasts_handlers(&self) -> bool {
        false
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        let most = self.pool.options().get_max_connections();
        if most < FEWEST_CONNECTIONS {
            return Err(vec![format!(
                "dedup store {NAME}: its pool has at most {most} connection, which a single \
                 claim would hold: allow it at least {FEWEST_CONNECTIONS}, better one for each \
                 handler that may run at once, with PgPoolOptions::max_connections"
            )]);
        }
        if (most as usize) < needs.concurrency {
            tracing::warn!(
                service = needs.service,
                max_connections = most,
                concurrency = needs.concurrency,
                "a claim holds a connection while its handler runs: of the handlers that may \
                 run at once, no more are under a claim than the pool has connections"
            );
        }
        let found = schema::INBOX.look(&self.pool).await;
        found.map_err(|fault| vec![format!("dedup store {NAME}: {fault}")])
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let begin = claim::begin(request);
        let transaction = self
            .begin(begin, request.patience.max(SHORTEST_WAIT))
            .await?;
        let claimed = claim::claim(&self.pool, transaction, request).await;
        claimed.map_err(|error| fault::of(&self.pool, "cannot claim", error))
    }

    async fn upkeep(&self) {
        let mut is_failing = false;
        loop {
            sleep(self.clean_up_every.max(SHORTEST_INTERVAL)).await;
            let cleaned = self.clean_up_all().await;
            if let Err(error) = &cleaned
                && !is_failing
            {
                tracing::warn!(%error, "old replies are not deleted");
            }
            is_failing = cleaned.is_err();
        }
    }
}
