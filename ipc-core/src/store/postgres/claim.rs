//! Claims as rows of a transaction that is not committed yet.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Executor as _;
use sqlx::postgres::PgPool;

use super::tx::Loan;
use super::{BEGIN, NAME, Open, fault};
use crate::store::{
    Claim, ClaimRequest, Claimed, Effects, Fence, FinishError, Lent, StoreError, StoredReply,
};

/// How often a claim looks again where the row that it found is gone the next moment.
const LOOKS: usize = 8;
/// Even a claim that waits for no other owner waits so long for a lock: while the table
/// grows, its own are held for moments, and one that met them would tell of an owner
/// where there is none. Half of the longest time kept back for the answer.
const SHORTEST_LOCK_WAIT: Duration = Duration::from_millis(50);
/// The longest time that a reply is kept, within what the database's clock can tell.
const LONGEST_KEEP: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

// The fence is drawn where the row is written, after every wait for another owner:
// drawn before, it could be lower than that of an owner that came later and won.
const INSERT: &str = "INSERT INTO ipc_inbox (work, scope, fingerprint) VALUES ($1, $2, $3)
                      ON CONFLICT (work) DO NOTHING RETURNING nextval('ipc_inbox_fence')";
const LOOK: &str = "SELECT fingerprint = $2, reply, expires_at > clock_timestamp()
                    FROM ipc_inbox WHERE work = $1";
const TAKE_ANEW: &str = "UPDATE ipc_inbox
                         SET scope = $2, fingerprint = $3, reply = NULL, expires_at = '-infinity'
                         WHERE work = $1 AND expires_at <= clock_timestamp()
                         RETURNING nextval('ipc_inbox_fence')";
const HAND_OVER: &str = "SET LOCAL lock_timeout TO DEFAULT; SAVEPOINT ipc_handler";
const UNDO: &str = "ROLLBACK TO SAVEPOINT ipc_handler";
// Only in the transaction that wrote the row: a handler that ended it finds no row.
const STORE: &str = "UPDATE ipc_inbox
                     SET reply = $2, expires_at = clock_timestamp() + make_interval(secs => $3)
                     WHERE work = $1 AND xmin = pg_current_xact_id()::xid";

/// How the transaction of a claim begins: with the bounds of its waits, and of its
/// silence.
pub(super) fn begin(request: &ClaimRequest) -> String {
    format!(
        "{BEGIN}; \
         SET LOCAL lock_timeout = {}; \
         SET LOCAL statement_timeout = {lease}; \
         SET LOCAL idle_in_transaction_session_timeout = {lease}",
        milliseconds(request.patience.max(SHORTEST_LOCK_WAIT)),
        lease = milliseconds(request.lease),
    )
}

/// At least one: none at all would be no bound.
fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX).max(1)
}

/// Claims the work of `request` in a transaction that has just begun.
pub(super) async fn claim(
    pool: &PgPool,
    mut open: Open,
    request: &ClaimRequest,
) -> Result<Claim, sqlx::Error> {
    let work = request.id.digest();
    let found = match find(&mut open, &work, request).await {
        Ok(found) => found,
        Err(error) if fault::is_held_by_another(&error) => Found::Running,
        Err(error) => return Err(error),
    };
    if let Found::Mine(fence) = found {
        open.execute(sqlx::raw_sql(HAND_OVER)).await?;
        return Ok(Claim::Granted(Box::new(Held {
            pool: pool.clone(),
            loan: Loan::new(open),
            work,
            fence,
            keep: request.keep.min(LONGEST_KEEP),
        })));
    }
    // Nothing was written; and what fails here ends with its connection.
    let _ = open.rollback().await;
    Ok(match found {
        Found::Reply(bytes) => {
            let reply = StoredReply::from_bytes(&bytes);
            Claim::Done(reply.map_err(|error| sqlx::Error::Decode(error.into()))?)
        }
        Found::Mismatch => Claim::Mismatch,
        Found::Mine(_) | Found::Running => Claim::Running { lease_left: None },
    })
}

enum Found {
    Mine(Fence),
    Reply(Vec<u8>),
    Mismatch,
    Running,
}

async fn find(
    open: &mut Open,
    work: &[u8; 32],
    request: &ClaimRequest,
) -> Result<Found, sqlx::Error> {
    for _ in 0..LOOKS {
        if let Some(fence) = write(open, INSERT, work, request).await? {
            return Ok(Found::Mine(fence));
        }
        let row: Option<(bool, Option<Vec<u8>>, bool)> = sqlx::query_as(LOOK)
            .bind(&work[..])
            .bind(&request.fingerprint.0[..])
            .fetch_optional(&mut **open)
            .await?;
        match row {
            Some((true, Some(reply), true)) => return Ok(Found::Reply(reply)),
            Some((false, _, true)) => return Ok(Found::Mismatch),
            Some(_) => {
                if let Some(fence) = write(open, TAKE_ANEW, work, request).await? {
                    return Ok(Found::Mine(fence));
                }
            }
            // Cleaned up since.
            None => {}
        }
    }
    Ok(Found::Running)
}

/// The fence, where the row could be written.
async fn write(
    open: &mut Open,
    statement: &'static str,
    work: &[u8; 32],
    request: &ClaimRequest,
) -> Result<Option<Fence>, sqlx::Error> {
    let fence: Option<i64> = sqlx::query_scalar(statement)
        .bind(&work[..])
        .bind(&*request.id.scope)
        .bind(&request.fingerprint.0[..])
        .fetch_optional(&mut **open)
        .await?;
    Ok(fence.map(|fence| Fence(fence.unsigned_abs())))
}

/// A claim that was granted. Dropped, its transaction is rolled back.
struct Held {
    pool: PgPool,
    loan: Loan,
    work: [u8; 32],
    fence: Fence,
    keep: Duration,
}

#[async_trait]
impl Claimed for Held {
    fn fence(&self) -> Fence {
        self.fence
    }

    fn took_over(&self) -> bool {
        false
    }

    fn lend(&self) -> Option<Lent> {
        Some(self.loan.lend())
    }

    async fn finish(
        self: Box<Self>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        let Some(mut open) = self.loan.call_in() else {
            return Err(undone("the handler kept it beyond its response"));
        };
        let unsure = |error| FinishError::Unknown {
            error: fault::of(&self.pool, "did not store a reply", error),
            claimed: None,
        };
        let stored = self.store(&mut open, reply, effects).await;
        match stored {
            Ok(0) => return Err(undone(fault::ENDED)),
            Ok(_) => {}
            Err(error) => {
                let reason = fault::by_the_handler(&error);
                return Err(reason.map_or_else(|| unsure(error), undone));
            }
        }
        open.commit().await.map_err(|error| {
            if fault::is_refused(&error) {
                return undone(&fault::said(&error));
            }
            unsure(error)
        })
    }

    async fn release(self: Box<Self>) {
        if let Some(open) = self.loan.call_in() {
            // What fails here ends with its connection.
            let _ = open.rollback().await;
        }
    }
}

impl Held {
    /// Writes the reply. Answers how many rows took it: one, or none.
    async fn store(
        &self,
        open: &mut Open,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<u64, sqlx::Error> {
        if effects == Effects::Undo {
            open.execute(sqlx::raw_sql(UNDO)).await?;
        }
        let stored = sqlx::query(STORE)
            .bind(&self.work[..])
            .bind(&*reply.to_bytes())
            .bind(self.keep.as_secs_f64())
            .execute(&mut **open)
            .await?;
        Ok(stored.rows_affected())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // At once, and not when the last one who knows of the loan forgets it.
        drop(self.loan.call_in());
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("fence", &self.fence).finish()
    }
}

fn undone(reason: &str) -> FinishError {
    FinishError::Undone(StoreError::new(
        NAME,
        format!("the transaction of a claim was undone: {reason}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, WorkId};

    #[test]
    fn a_claim_without_patience_outlasts_the_locks_of_a_table_that_grows() {
        let id = WorkId {
            scope: "orders POST /work".into(),
            key: "k".into(),
        };
        let mut request = ClaimRequest::new(id, Fingerprint::of(&[]), "instance");
        for (patience, bound) in [(0, 50), (49, 50), (51, 51)] {
            request.patience = Duration::from_millis(patience);
            let begin = begin(&request);
            let lock_timeout = format!("SET LOCAL lock_timeout = {bound};");
            assert!(begin.contains(&lock_timeout), "{begin}");
        }
    }

    #[test]
    fn no_time_and_for_ever_are_bounds_too() {
        assert_eq!(milliseconds(Duration::ZERO), 1);
        assert_eq!(milliseconds(Duration::from_micros(2500)), 2);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX);
    }
}
