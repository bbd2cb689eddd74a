//! The outbox as a table.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sqlx::postgres::{PgConnection, PgPool};

use super::Parked;
use crate::envelope::{Envelope, Headers};

/// Payload bytes read at once; a single message may be larger.
const MOST_BYTES: i64 = 16 * 1024 * 1024;
/// Beyond so many waiting messages the number is not told exactly: counting costs.
pub(super) const MOST_COUNTED: i64 = 100_000;

const INSERT: &str = "INSERT INTO ipc_outbox
                          (message, topic, key, header_names, header_values, payload)
                      VALUES ($1, $2, $3, $4, $5, $6)";
// What is not there yet is not waited for, and not missed either: nothing is remembered
// but the rows that are read and not deleted.
const NEXT: &str = "SELECT id, topic, key, header_names, header_values, payload FROM (
                        SELECT *, sum(coalesce(octet_length(payload), 0)) OVER (ORDER BY id)
                                  - coalesce(octet_length(payload), 0) AS before
                        FROM (SELECT * FROM ipc_outbox o
                              WHERE parked_at IS NULL AND id <> ALL ($1) AND topic <> ALL ($2)
                                AND NOT EXISTS (SELECT 1 FROM ipc_outbox p
                                                WHERE p.parked_at IS NOT NULL
                                                  AND p.topic = o.topic AND p.key = o.key)
                              ORDER BY id LIMIT $3) ahead
                    ) bounded
                    WHERE before < $4 ORDER BY id";
const DELETE: &str = "DELETE FROM ipc_outbox WHERE id = ANY ($1)";
const PARK: &str = "UPDATE ipc_outbox SET parked_at = now(), fault = $2 WHERE id = $1";
const PARKED: &str = "SELECT id, message, topic, coalesce(fault, '') FROM ipc_outbox
                      WHERE parked_at IS NOT NULL ORDER BY id LIMIT $1";
const RETRY: &str = "UPDATE ipc_outbox SET parked_at = NULL, fault = NULL
                     WHERE id = $1 AND parked_at IS NOT NULL";
const DISCARD: &str = "DELETE FROM ipc_outbox WHERE id = $1 AND parked_at IS NOT NULL";
const BACKLOG: &str = "SELECT (SELECT count(*) FROM (SELECT 1 FROM ipc_outbox LIMIT $1) counted),
                              (SELECT count(*) FROM ipc_outbox WHERE parked_at IS NOT NULL),
                              (SELECT extract(epoch FROM clock_timestamp() - written_at)::float8
                               FROM ipc_outbox WHERE parked_at IS NULL ORDER BY id LIMIT 1)";

/// A message that was committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    /// Without a prefix.
    pub(super) topic: Arc<str>,
    pub(super) envelope: Envelope,
}

type Columns = (
    i64,
    String,
    Option<Vec<u8>>,
    Vec<String>,
    Vec<Option<Vec<u8>>>,
    Option<Vec<u8>>,
);

impl From<Columns> for Row {
    fn from((id, topic, key, names, values, payload): Columns) -> Self {
        let mut headers = Headers::with_capacity(names.len());
        for (name, value) in names.into_iter().zip(values) {
            headers.push_value(name, value.map(Bytes::from));
        }
        Self {
            id,
            topic: topic.into(),
            envelope: Envelope {
                headers,
                key: key.map(Bytes::from),
                payload: payload.map(Bytes::from),
            },
        }
    }
}

/// What waits at a moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Backlog {
    pub(super) waiting: i64,
    pub(super) parked: i64,
    /// How long the oldest that is not parked has waited.
    pub(super) oldest: Duration,
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    message: &str,
    topic: &str,
    envelope: &Envelope,
) -> Result<(), sqlx::Error> {
    let headers = &envelope.headers;
    let names: Vec<&str> = headers.iter().map(|header| &*header.name).collect();
    let values: Vec<Option<&[u8]>> = headers.iter().map(|it| it.value.as_deref()).collect();
    sqlx::query(INSERT)
        .bind(message)
        .bind(topic)
        .bind(envelope.key.as_deref())
        .bind(names)
        .bind(values)
        .bind(envelope.payload.as_deref())
        .execute(connection)
        .await?;
    Ok(())
}

/// The first `most` in the order in which they were written, but for those that are
/// `known` and those of topics that are `held`.
pub(super) async fn next(
    pool: &PgPool,
    known: Vec<i64>,
    held: Vec<String>,
    most: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(NEXT)
        .bind(known)
        .bind(held)
        .bind(most)
        .bind(MOST_BYTES)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

pub(super) async fn delete(pool: &PgPool, ids: &[i64]) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query(DELETE).bind(ids).execute(pool).await?;
    Ok(deleted.rows_affected())
}

pub(super) async fn park(pool: &PgPool, id: i64, fault: &str) -> Result<(), sqlx::Error> {
    sqlx::query(PARK).bind(id).bind(fault).execute(pool).await?;
    Ok(())
}

pub(super) async fn backlog(pool: &PgPool) -> Result<Backlog, sqlx::Error> {
    let (waiting, parked, oldest): (i64, i64, Option<f64>) = sqlx::query_as(BACKLOG)
        .bind(MOST_COUNTED)
        .fetch_one(pool)
        .await?;
    let oldest = Duration::try_from_secs_f64(oldest.unwrap_or_default());
    Ok(Backlog {
        waiting,
        parked,
        oldest: oldest.unwrap_or_default(),
    })
}

pub(super) async fn parked(pool: &PgPool, limit: u32) -> Result<Vec<Parked>, sqlx::Error> {
    let rows: Vec<(i64, String, String, String)> = sqlx::query_as(PARKED)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    let parked = |(row, message, topic, fault)| Parked {
        row,
        message,
        topic,
        fault,
    };
    Ok(rows.into_iter().map(parked).collect())
}

pub(super) async fn retry(pool: &PgPool, id: i64) -> Result<bool, sqlx::Error> {
    let retried = sqlx::query(RETRY).bind(id).execute(pool).await?;
    Ok(retried.rows_affected() == 1)
}

pub(super) async fn discard(pool: &PgPool, id: i64) -> Result<bool, sqlx::Error> {
    let discarded = sqlx::query(DISCARD).bind(id).execute(pool).await?;
    Ok(discarded.rows_affected() == 1)
}
