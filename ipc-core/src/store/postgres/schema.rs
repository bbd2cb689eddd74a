//! Tables of ours: making them, and looking whether they are right.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Executor as _};
use tokio::time::timeout;

use super::fault::{address, said};
use super::{BEGIN, PostgresStore};

/// How long a database may take to answer at the start.
const ANSWER: Duration = Duration::from_secs(10);

const STATE: &str = "SELECT pg_is_in_recovery(), current_setting('synchronous_commit')";

/// The inbox.
pub(super) const INBOX: Schema = Schema {
    what: "inbox",
    made_by: "PostgresStore::migrate()",
    statements: "PostgresStore::MIGRATIONS",
    migrations: &[include_str!("migrations/1_inbox.sql")],
    lock: 0x6970_635f_696e_626f,
    is_there: "SELECT to_regclass('ipc_inbox_schema') IS NOT NULL",
    version: "SELECT version FROM ipc_inbox_schema",
    is_allowed: "SELECT has_table_privilege('ipc_inbox', 'SELECT')
                    AND has_table_privilege('ipc_inbox', 'INSERT')
                    AND has_table_privilege('ipc_inbox', 'UPDATE')
                    AND has_table_privilege('ipc_inbox', 'DELETE')
                    AND has_sequence_privilege('ipc_inbox_fence', 'USAGE')",
    grants: "SELECT, INSERT, UPDATE and DELETE on ipc_inbox, SELECT on ipc_inbox_schema and \
             USAGE on ipc_inbox_fence",
};

/// Tables that belong together and have one version, which is the number of their
/// migrations.
#[derive(Debug)]
pub(crate) struct Schema {
    /// What they are: `inbox`.
    pub(crate) what: &'static str,
    /// What makes them.
    pub(crate) made_by: &'static str,
    /// Where the statements are for another tool.
    pub(crate) statements: &'static str,
    /// The first makes version 1, each further one a version of the one before.
    pub(crate) migrations: &'static [&'static str],
    /// Among the advisory locks of the database: instances that migrate at once.
    pub(crate) lock: i64,
    /// Asks whether they are there.
    pub(crate) is_there: &'static str,
    /// Asks for their version.
    pub(crate) version: &'static str,
    /// Asks whether the role may use them.
    pub(crate) is_allowed: &'static str,
    /// What lets it.
    pub(crate) grants: &'static str,
}

/// Why tables cannot be used or made on a database: where it is, and what is found there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

impl Schema {
    /// The version that this build reads and writes.
    fn current(&self) -> i32 {
        i32::try_from(self.migrations.len()).unwrap_or(i32::MAX)
    }

    /// Brings the tables to this build's version.
    pub(crate) async fn migrate(&self, pool: &PgPool) -> Result<(), Fault> {
        let store = PostgresStore::new(pool.clone());
        let begun = store.begin(BEGIN.to_owned(), store.acquire_timeout()).await;
        let mut open = begun.map_err(|error| Fault(error.reason))?;
        let failed = |error: sqlx::Error| {
            let (address, what) = (address(pool), self.what);
            Fault(format!(
                "{address} cannot make the {what}: {}",
                said(&error)
            ))
        };
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(self.lock)
            .execute(&mut *open)
            .await
            .map_err(failed)?;
        let found = self.found(&mut open).await.map_err(failed)?;
        let known = usize::try_from(found).ok();
        let Some(missing) = known.and_then(|known| self.migrations.get(known..)) else {
            return Err(self.newer(pool, found));
        };
        for migration in missing {
            let made = open.execute(sqlx::raw_sql(*migration)).await;
            made.map_err(failed)?;
        }
        open.commit().await.map_err(failed)
    }

    /// The version there, 0 where there is none.
    async fn found(&self, connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
        let is_there: bool = sqlx::query_scalar(self.is_there)
            .fetch_one(&mut *connection)
            .await?;
        if !is_there {
            return Ok(0);
        }
        sqlx::query_scalar(self.version).fetch_one(connection).await
    }

    /// Whether the database answers, keeps what it commits, and has the right tables for
    /// this role to use.
    pub(crate) async fn look(&self, pool: &PgPool) -> Result<(), Fault> {
        let looked = timeout(ANSWER, self.examine(pool)).await;
        looked.unwrap_or_else(|_| Err(away(pool, &format!("not within {ANSWER:?}"))))
    }

    async fn examine(&self, pool: &PgPool) -> Result<(), Fault> {
        let away = |error: sqlx::Error| away(pool, &said(&error));
        // Not from the pool, which says no more of its tries than that they took too long.
        let probe = PgConnection::connect_with(&pool.connect_options()).await;
        // It has answered: how it takes its leave does not matter.
        let _ = probe.map_err(away)?.close().await;
        let mut connection = pool.acquire().await.map_err(away)?;
        let (is_standby, commits): (bool, String) = sqlx::query_as(STATE)
            .fetch_one(&mut *connection)
            .await
            .map_err(away)?;
        if is_standby {
            return Err(Fault(format!(
                "{} is a standby, which takes no writes: give the pool the primary's address",
                address(pool)
            )));
        }
        if commits == "off" {
            return Err(Fault(format!(
                "{} has synchronous_commit = off, so that a crash of it takes back what was \
                 answered: set it on for the connections of the pool",
                address(pool)
            )));
        }
        let closed = |error: sqlx::Error| self.closed(pool, &said(&error));
        let current = self.current();
        match self.found(&mut connection).await.map_err(closed)? {
            0 => return Err(self.missing(pool)),
            older if older < current => return Err(self.older(pool, older)),
            newer if newer > current => return Err(self.newer(pool, newer)),
            _ => {}
        }
        let is_allowed: bool = sqlx::query_scalar(self.is_allowed)
            .fetch_one(&mut *connection)
            .await
            .map_err(closed)?;
        if is_allowed {
            return Ok(());
        }
        Err(self.closed(pool, "its role may not"))
    }

    fn missing(&self, pool: &PgPool) -> Fault {
        let (what, made_by, statements) = (self.what, self.made_by, self.statements);
        Fault(format!(
            "{} has no {what}: call {made_by} before the service starts, or apply {statements} \
             with a tool of your own",
            address(pool)
        ))
    }

    fn older(&self, pool: &PgPool, version: i32) -> Fault {
        let (what, made_by, current) = (self.what, self.made_by, self.current());
        Fault(format!(
            "the {what} in {} is of version {version}, older than this build's {current}: call \
             {made_by} before the service starts",
            address(pool)
        ))
    }

    fn newer(&self, pool: &PgPool, version: i32) -> Fault {
        let (what, current) = (self.what, self.current());
        Fault(format!(
            "the {what} in {} is of version {version}, newer than this build's {current}: start \
             the build that made it",
            address(pool)
        ))
    }

    fn closed(&self, pool: &PgPool, reason: &str) -> Fault {
        let (what, grants) = (self.what, self.grants);
        Fault(format!(
            "the {what} in {} cannot be used ({reason}): grant the pool's role {grants}",
            address(pool)
        ))
    }
}

fn away(pool: &PgPool, reason: &str) -> Fault {
    Fault(format!(
        "{} does not answer ({reason}): start it, or mend the address or credentials of the pool",
        address(pool)
    ))
}
