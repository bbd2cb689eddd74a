//! One relay at a time.

use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::PgPool;
use tokio::time::{Instant, sleep, timeout};

// By the database's clock alone: those of the instances do not matter.
const ACQUIRE: &str = "UPDATE ipc_outbox_lease
                       SET term = term + 1, holder = $1,
                           until = clock_timestamp() + make_interval(secs => $2)
                       WHERE until <= clock_timestamp() RETURNING term";
const RENEW: &str = "UPDATE ipc_outbox_lease
                     SET until = clock_timestamp() + make_interval(secs => $2)
                     WHERE term = $1";
// With the next term, so that a renewal that is still on its way comes too late.
const RELEASE: &str = "UPDATE ipc_outbox_lease SET term = term + 1, until = '-infinity'
                       WHERE term = $1";

/// The right to relay, for a while.
#[derive(Debug)]
pub(super) struct Lease {
    pool: PgPool,
    term: i64,
    length: Duration,
    until: Mutex<Instant>,
}

impl Lease {
    /// `None` where another has it.
    pub(super) async fn acquire(
        pool: &PgPool,
        holder: &str,
        length: Duration,
    ) -> Result<Option<Self>, sqlx::Error> {
        let asked = Instant::now();
        let term: Option<i64> = sqlx::query_scalar(ACQUIRE)
            .bind(holder)
            .bind(length.as_secs_f64())
            .fetch_optional(pool)
            .await?;
        Ok(term.map(|term| Self {
            pool: pool.clone(),
            term,
            length,
            until: Mutex::new(asked + usable(length)),
        }))
    }

    /// Whether nobody else can have it yet. A process that was stopped finds that it has
    /// not: its own clock went on.
    pub(super) fn holds(&self) -> bool {
        Instant::now() < *self.until.lock()
    }

    /// Renews it until it is lost.
    ///
    /// # Cancel safety
    ///
    /// It may be renewed once more.
    pub(super) async fn keep(&self) {
        let pause = self.length / 4;
        loop {
            sleep(pause).await;
            let asked = Instant::now();
            let renewed = timeout(pause, self.renew()).await;
            match renewed {
                Ok(Ok(true)) => *self.until.lock() = asked + usable(self.length),
                // Another has taken over.
                Ok(Ok(false)) => return,
                Ok(Err(_)) | Err(_) if self.holds() => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    async fn renew(&self) -> Result<bool, sqlx::Error> {
        let renewed = sqlx::query(RENEW)
            .bind(self.term)
            .bind(self.length.as_secs_f64())
            .execute(&self.pool)
            .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Lets another have it at once.
    pub(super) async fn release(self) {
        let released = sqlx::query(RELEASE).bind(self.term).execute(&self.pool);
        // Otherwise it runs out.
        let _ = timeout(self.length / 4, released).await;
    }
}

/// A tenth less than the database keeps it for: two clocks need not go alike.
fn usable(length: Duration) -> Duration {
    length - length / 10
}
