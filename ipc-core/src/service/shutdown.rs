//! How a process is asked to end, and how its parts end together.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// How long tasks that were told to end at once may take to notice.
const NOTICE: Duration = Duration::from_secs(1);

/// Waits for the first SIGTERM or SIGINT.
///
/// From its first poll on neither ends the process by itself any more. The second
/// one does, at once and from within the signal handler, so that it works however
/// stuck the process is: with exit code 143 for SIGTERM and 130 for SIGINT.
///
/// # Cancel safety
///
/// Dropping it leaves the signals caught: the first is then ignored, the second
/// ends the process.
pub async fn shutdown_signal() {
    let signal = match signals() {
        Ok(signal) => signal.await,
        Err(error) => {
            tracing::error!(%error, "signals cannot be caught: they end the process undrained");
            return std::future::pending().await;
        }
    };
    tracing::info!(
        signal,
        "asked to end; a second signal ends the process at once"
    );
}

/// Catches the signals; the future answers the name of the first.
fn signals() -> io::Result<impl Future<Output = &'static str>> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds the flag down, and raises it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
    }
    first()
}

#[cfg(unix)]
fn first() -> io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

#[cfg(not(unix))]
fn first() -> io::Result<impl Future<Output = &'static str>> {
    Ok(async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    })
}

/// Tasks that end together. Clones share them.
///
/// Whoever makes it owns its tasks: it [`begin`](Drain::begin)s the drain and
/// awaits it with [`finish`](Drain::finish). Tasks watch its
/// [`token`](Drain::token), take on nothing new once that is cancelled, and end
/// when what they have is done.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    at_once: CancellationToken,
    tasks: TaskTracker,
}

/// Tasks did not end within their bound, and were ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{tasks} tasks did not end within {within:?}: raise the drain bound, or shorten handlers' timeouts"
)]
pub struct DrainError {
    /// How many tasks there were.
    pub tasks: usize,
    /// How long they had.
    pub within: Duration,
}

impl Drain {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the drain begins.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.begun.clone()
    }

    /// Runs a task that the drain waits for, in the current span. It is dropped at
    /// its next await when the drain's bound has passed.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let at_once = self.at_once.clone();
        let bounded = async move {
            at_once.run_until_cancelled_owned(task).await;
        };
        self.tasks.spawn(bounded.in_current_span());
    }

    /// Asks every task to end.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Asks every task to end and waits until all have, `within` at most; those
    /// that have not are dropped.
    ///
    /// # Errors
    ///
    /// [`DrainError`] when some had to be dropped.
    ///
    /// # Cancel safety
    ///
    /// The drain has begun; call it again to wait on.
    pub async fn finish(&self, within: Duration) -> Result<(), DrainError> {
        self.begin();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait())
            .await
            .is_ok()
        {
            return Ok(());
        }
        let tasks = self.tasks.len();
        self.at_once.cancel();
        if tokio::time::timeout(NOTICE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                tasks = self.tasks.len(),
                "tasks do not yield and are left behind"
            );
        }
        Err(DrainError { tasks, within })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_drain_ends_when_its_tasks_have() {
        let drain = Drain::new();
        let done = Arc::new(AtomicBool::new(false));
        let token = drain.token();
        let sink = Arc::clone(&done);
        drain.spawn(async move {
            token.cancelled().await;
            tokio::task::yield_now().await;
            sink.store(true, Ordering::Relaxed);
        });
        assert_eq!(drain.finish(Duration::from_secs(60)).await, Ok(()));
        assert!(done.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_dropped_and_counted() {
        struct Dropped(Arc<AtomicBool>);

        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }

        let begun = Instant::now();
        let drain = Drain::new();
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(Arc::clone(&dropped));
        drain.spawn(async move {
            std::future::pending::<()>().await;
            drop(guard);
        });
        drain.spawn(async {});
        let within = Duration::from_secs(10);
        assert_eq!(
            drain.finish(within).await,
            Err(DrainError { tasks: 1, within })
        );
        assert_eq!(begun.elapsed(), within);
        assert!(dropped.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_clone_s_tasks_are_waited_for_too() {
        let drain = Drain::new();
        let token = drain.clone().token();
        drain.clone().spawn(async move { token.cancelled().await });
        assert!(!drain.token().is_cancelled());
        assert_eq!(drain.finish(Duration::from_secs(60)).await, Ok(()));
        assert!(drain.token().is_cancelled());
    }
}
