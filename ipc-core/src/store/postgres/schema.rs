//! The tables: making them, and looking whether they are right.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Executor as _};
use tokio::time::timeout;

use super::fault::{self, address, said};
use super::{NAME, Open};
use crate::store::StoreError;

pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/1_inbox.sql")];

/// Among the advisory locks of the database: instances that migrate at once.
const MIGRATING: i64 = 0x6970_635f_696e_626f;
/// How long a database may take to answer at the start.
const ANSWER: Duration = Duration::from_secs(10);

const VERSION: &str = "SELECT version FROM ipc_inbox_schema";
const IS_THERE: &str = "SELECT to_regclass('ipc_inbox_schema') IS NOT NULL";
const STATE: &str = "SELECT pg_is_in_recovery(), current_setting('synchronous_commit')";
const IS_ALLOWED: &str = "SELECT has_table_privilege('ipc_inbox', 'SELECT')
                             AND has_table_privilege('ipc_inbox', 'INSERT')
                             AND has_table_privilege('ipc_inbox', 'UPDATE')
                             AND has_table_privilege('ipc_inbox', 'DELETE')
                             AND has_sequence_privilege('ipc_inbox_fence', 'USAGE')";

/// The version that this build reads and writes.
fn version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Brings the tables to this build's version.
pub(super) async fn migrate(mut open: Open, pool: &PgPool) -> Result<(), StoreError> {
    let failed = |error: sqlx::Error| fault::of(pool, "cannot make the inbox", error);
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATING)
        .execute(&mut *open)
        .await
        .map_err(failed)?;
    let found = found(&mut open).await.map_err(failed)?;
    let known = usize::try_from(found).ok();
    let Some(missing) = known.and_then(|known| MIGRATIONS.get(known..)) else {
        let fault = Fault::New(address(pool), found);
        return Err(StoreError::new(NAME, fault.to_string()));
    };
    for migration in missing {
        let made = open.execute(sqlx::raw_sql(*migration)).await;
        made.map_err(failed)?;
    }
    open.commit().await.map_err(failed)
}

/// The version there, 0 where there is none.
async fn found(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let is_there: bool = sqlx::query_scalar(IS_THERE)
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Ok(0);
    }
    sqlx::query_scalar(VERSION).fetch_one(connection).await
}

/// Whether the database answers, has the right tables and lets claims be made.
pub(super) async fn look(pool: &PgPool) -> Result<(), Fault> {
    let looked = timeout(ANSWER, examine(pool)).await;
    looked.unwrap_or_else(|_| Err(Fault::Away(address(pool), format!("not within {ANSWER:?}"))))
}

async fn examine(pool: &PgPool) -> Result<(), Fault> {
    let away = |error: sqlx::Error| Fault::Away(address(pool), said(&error));
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
        return Err(Fault::Standby(address(pool)));
    }
    if commits == "off" {
        return Err(Fault::Forgetful(address(pool)));
    }
    let closed = |error: sqlx::Error| Fault::Closed(address(pool), said(&error));
    match found(&mut connection).await.map_err(closed)? {
        0 => return Err(Fault::Missing(address(pool))),
        older if older < version() => return Err(Fault::Old(address(pool), older)),
        newer if newer > version() => return Err(Fault::New(address(pool), newer)),
        _ => {}
    }
    let is_allowed: bool = sqlx::query_scalar(IS_ALLOWED)
        .fetch_one(&mut *connection)
        .await
        .map_err(closed)?;
    if is_allowed {
        return Ok(());
    }
    Err(Fault::Closed(address(pool), "its role may not".to_owned()))
}

/// Why a service cannot start on this database: where it is, and what is found there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0} does not answer ({1}): start it, or mend the address or credentials of the pool")]
    Away(String, String),
    #[error("{0} is a standby, which takes no writes: give the pool the primary's address")]
    Standby(String),
    #[error(
        "{0} has synchronous_commit = off, so that a crash of it takes back what was answered: \
         set it on for the connections of the pool"
    )]
    Forgetful(String),
    #[error(
        "{0} has no inbox: call PostgresStore::migrate() before the service starts, or apply \
         PostgresStore::MIGRATIONS with a tool of your own"
    )]
    Missing(String),
    #[error(
        "the inbox in {0} is of version {1}, older than this build's {current}: call \
         PostgresStore::migrate() before the service starts",
        current = version()
    )]
    Old(String, i32),
    #[error(
        "the inbox in {0} is of version {1}, newer than this build's {current}: start the \
         build that made it",
        current = version()
    )]
    New(String, i32),
    #[error(
        "the inbox in {0} cannot be used ({1}): grant the pool's role SELECT, INSERT, UPDATE and \
         DELETE on ipc_inbox, SELECT on ipc_inbox_schema and USAGE on ipc_inbox_fence"
    )]
    Closed(String, String),
}
