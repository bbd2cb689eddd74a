//! Messages that are sent where a Postgres transaction commits, and only there.
//!
//! A handler that changes its database and sends a message of it has two systems to
//! bring in line: a crash between the two leaves one of them behind. Written to the outbox,
//! the message is a row of the same transaction. Once that is committed, a [`Relay`] takes
//! it into the log.
//!
//! ```no_run
//! use ipc_core::extract::Tx;
//! use ipc_core::outbox::{Message, Outbox};
//! use ipc_core::prelude::*;
//! use ipc_core::store::PostgresStore;
//! use ipc_core::store::postgres::sqlx::{self, postgres::PgPoolOptions};
//!
//! #[endpoint(POST "/orders/{id}/place", idempotency = required)]
//! async fn place(mut tx: Tx, Path(id): Path<i64>) -> Result<(), StatusCode> {
//!     let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
//!     sqlx::query("UPDATE orders SET placed = true WHERE id = $1")
//!         .bind(id)
//!         .execute(&mut *tx)
//!         .await
//!         .map_err(failed)?;
//!     let bill = Message::to("billing", "POST", "/bills").key(id.to_string());
//!     Outbox::send(&mut tx, bill).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
//! }
//!
//! # use axum::http::StatusCode;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = PgPoolOptions::new()
//!     .max_connections(64)
//!     .connect("postgres://orders@db.internal/orders")
//!     .await?;
//! let (inbox, outbox) = (PostgresStore::new(pool.clone()), Outbox::new(pool));
//! inbox.migrate().await?;
//! outbox.migrate().await?;
//! let app: App = App::new().endpoints(endpoints![place])?;
//! Service::builder("orders")
//!     .kafka(KafkaConfig::from_env()?)
//!     .dedup(inbox)
//!     .outbox(outbox)
//!     .serve(app)
//!     .with_graceful_shutdown(shutdown_signal())
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! Any transaction of `sqlx` will do in place of `Tx`, in any program:
//! `Outbox::send(&mut transaction, message)`. A program that is no service runs the relay
//! itself: [`Outbox::relay`].
//!
//! # What is promised
//!
//! - **Nothing of a transaction that is rolled back is sent.**
//! - **What is committed reaches Kafka at least once**: its row is deleted when the log has
//!   acknowledged the record. A relay that dies in between repeats it.
//! - **A repetition can be told**: the header `idempotency-key` is the same each time, the
//!   [message's id](Message::id) unless it has a key of its own. An endpoint with
//!   `idempotency`, or any reader that remembers keys, takes it for what it is.
//! - **Messages of one key and topic come in order**, those of one transaction as they were
//!   written, those of several as they were committed, where one was written after the
//!   other's commit. A message is handed to Kafka when the one before it of its key is in
//!   the log. So the *first* occurrences of a key's messages are in order whatever fails; a
//!   repetition may come late, as the next section says.
//!
//! # One relay at a time
//!
//! Of the instances that run a relay, the one with the lease sends. It renews the lease,
//! which is a row of the database and runs by the database's clock, four times in its
//! [length](Outbox::lease); one that ends in order gives it back at once. One that is
//! killed, stopped or cut off is followed by another when the lease has run out.
//!
//! A relay that was stopped (a machine that was suspended, a process under `SIGSTOP`) and
//! goes on finds its lease over by its own clock, and hands nothing over any more. What it
//! *had* handed over it cannot take back: at most one message of each key. That
//! message may reach the log after those that its successor has sent since; it is
//! then a repetition of one that the successor had sent too.
//!
//! # What cannot be sent
//!
//! | | |
//! |---|---|
//! | what could never be sent, a topic's name that cannot be, a request that is too large | [`Outbox::send`] refuses it: nothing is written |
//! | a topic that is missing, may not be written to, or takes nothing | its messages wait, in order; those of other topics go on |
//! | a message larger than its topic takes | is **parked**, and later ones of its key wait behind it: [`parked`](Outbox::parked) shows it, [`retry`](Outbox::retry) and [`discard`](Outbox::discard) decide |
//! | Kafka, or the database, is away | everything waits |
//!
//! All of that is told in the readiness of the service, as a warning, and in its metrics
//! (`ipc_outbox_messages`, `ipc_outbox_oldest_seconds`, `ipc_outbox_parked`).
//!
//! # Schema
//!
//! [`Outbox::migrate`] makes the tables; [`Outbox::MIGRATIONS`] are the same for another
//! tool. Their names begin with `ipc_outbox`, and the connection's `search_path` says where
//! they are. A service does not start where they are missing or of another version. Rows are
//! deleted as they are sent, so the table is as long as the backlog. The relay looks for new
//! ones ten times a second ([`look_every`](Outbox::look_every)); there is no trigger, and no
//! `NOTIFY`, which would have commits wait for one another.

mod error;
mod forward;
mod lanes;
mod lease;
mod message;
mod relay;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};

pub use self::error::OutboxError;
pub use self::message::Message;
pub use self::relay::Relay;
use crate::store::postgres::Schema;
use crate::transport::Transport;

const LEASE: Duration = Duration::from_secs(10);
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const SHORTEST_LOOK: Duration = Duration::from_millis(1);
const WARN_AFTER: Duration = Duration::from_secs(60);

const SCHEMA: Schema = Schema {
    what: "outbox",
    made_by: "Outbox::migrate()",
    statements: "Outbox::MIGRATIONS",
    migrations: &[include_str!("migrations/1_outbox.sql")],
    // Among the advisory locks of the database: instances that migrate at once.
    lock: 0x6970_635f_6f75_7462,
    is_there: "SELECT to_regclass('ipc_outbox_schema') IS NOT NULL",
    version: "SELECT version FROM ipc_outbox_schema",
    is_allowed: "SELECT has_table_privilege('ipc_outbox', 'SELECT')
                    AND has_table_privilege('ipc_outbox', 'INSERT')
                    AND has_table_privilege('ipc_outbox', 'UPDATE')
                    AND has_table_privilege('ipc_outbox', 'DELETE')
                    AND has_table_privilege('ipc_outbox_lease', 'SELECT')
                    AND has_table_privilege('ipc_outbox_lease', 'UPDATE')",
    grants: "SELECT, INSERT, UPDATE and DELETE on ipc_outbox, SELECT on ipc_outbox_schema, \
             SELECT and UPDATE on ipc_outbox_lease",
};

/// Messages in Postgres, on their way to Kafka. See the [module](self).
///
/// Clones share the pool.
#[derive(Clone, Debug)]
pub struct Outbox {
    pool: PgPool,
    lease: Duration,
    look_every: Duration,
    warn_after: Duration,
}

/// A message that waits for somebody to decide.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Parked {
    /// Its row, as [`Outbox::retry`] and [`Outbox::discard`] take it.
    pub row: i64,
    /// Its id.
    pub message: String,
    /// Its topic, without a prefix.
    pub topic: String,
    /// Why it was not sent.
    pub fault: String,
}

impl Outbox {
    /// The statements of [`migrate`](Self::migrate), for a tool of the service's own: the
    /// first makes version 1, each further one a version of the one before.
    pub const MIGRATIONS: &[&str] = SCHEMA.migrations;

    /// Uses the connections of `pool`: two at most, for the relay.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            lease: LEASE,
            look_every: LOOK_EVERY,
            warn_after: WARN_AFTER,
        }
    }

    /// How long a relay that says nothing keeps others from following it. Default: 10 s,
    /// at least 1 s.
    #[must_use]
    pub fn lease(mut self, length: Duration) -> Self {
        self.lease = length.max(SHORTEST_LEASE);
        self
    }

    /// How often the relay looks for what was committed. Default: every 100 ms.
    #[must_use]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.look_every = interval.max(SHORTEST_LOOK);
        self
    }

    /// How long a message may wait before readiness warns of it. Default: 60 s.
    #[must_use]
    pub fn warn_after(mut self, wait: Duration) -> Self {
        self.warn_after = wait;
        self
    }

    /// Writes a message in a transaction: it is sent if that commits, when it has. `Tx`
    /// and `sqlx::Transaction` are such connections.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Message`] where it could never be sent; the transaction goes on as
    /// if nothing had been asked. [`OutboxError::Database`] where the database does not
    /// take it; the transaction can only be rolled back then.
    ///
    /// # Cancel safety
    ///
    /// It may be written or not: roll the transaction back.
    pub async fn send(connection: &mut PgConnection, message: Message) -> Result<(), OutboxError> {
        let (id, topic, envelope) = message.into_row()?;
        let inserted = rows::insert(connection, &id, &topic, &envelope).await;
        inserted.map_err(OutboxError::database("does not take a message"))
    }

    /// Makes the tables where they are missing, in the schema that connections find first.
    /// Instances that start at once wait for one another.
    ///
    /// # Errors
    ///
    /// [`OutboxError`] where the database does not make them, or where there are tables of
    /// a newer version.
    ///
    /// # Cancel safety
    ///
    /// They are there or not, never in part.
    pub async fn migrate(&self) -> Result<(), OutboxError> {
        let migrated = SCHEMA.migrate(&self.pool).await;
        migrated.map_err(|error| OutboxError::Schema(error.to_string()))
    }

    /// Whether the database answers and has the right tables. A service asks by itself.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Schema`]: what is wrong, and what mends it.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn check(&self) -> Result<(), OutboxError> {
        let looked = SCHEMA.look(&self.pool).await;
        looked.map_err(|fault| OutboxError::Schema(format!("outbox: {fault}")))
    }

    /// A relay into the log of `transport`.
    pub fn relay(&self, transport: Arc<dyn Transport>) -> Relay {
        Relay::new(self.clone(), transport)
    }

    /// At most `limit` messages that are parked, the oldest first.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] where the database does not say.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn parked(&self, limit: u32) -> Result<Vec<Parked>, OutboxError> {
        let parked = rows::parked(&self.pool, limit).await;
        parked.map_err(OutboxError::database("does not say what is parked"))
    }

    /// Has a parked message sent once more, and those of its key after it. Answers whether
    /// there was one.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] where the database does not do it.
    ///
    /// # Cancel safety
    ///
    /// It may be done all the same.
    pub async fn retry(&self, row: i64) -> Result<bool, OutboxError> {
        let retried = rows::retry(&self.pool, row).await;
        retried.map_err(OutboxError::database("does not release a message"))
    }

    /// Deletes a parked message, and has those of its key sent. Answers whether there was
    /// one.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] where the database does not do it.
    ///
    /// # Cancel safety
    ///
    /// It may be done all the same.
    pub async fn discard(&self, row: i64) -> Result<bool, OutboxError> {
        let discarded = rows::discard(&self.pool, row).await;
        discarded.map_err(OutboxError::database("does not delete a message"))
    }
}
