//! What an application does at the turns of its service's life.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// What a hook may fail with.
pub type HookFailure = Box<dyn std::error::Error + Send + Sync>;

type Ran = Pin<Box<dyn Future<Output = Result<(), HookFailure>> + Send>>;
type Hook = Box<dyn FnOnce() -> Ran + Send>;

/// A hook failed.
#[derive(Debug, thiserror::Error)]
#[error("{turn} hook {number} of {count} failed: {failure}")]
pub struct HookError {
    turn: Turn,
    number: usize,
    count: usize,
    failure: HookFailure,
}

/// A turn of a service's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Start,
    Ready,
    Stop,
}

/// Hooks in the order in which they were added, which is the order in which they
/// run, one after the other.
#[derive(Default)]
pub struct Hooks {
    start: Vec<Hook>,
    ready: Vec<Hook>,
    stop: Vec<Hook>,
}

impl Hooks {
    /// No hooks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs before anything is consumed: migrations, warm-up. An error keeps the
    /// service from starting.
    pub fn on_start<H, F, E>(&mut self, hook: H)
    where
        H: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HookFailure>,
    {
        self.start.push(boxed(hook));
    }

    /// Runs when the service has started and answers. An error ends it again.
    pub fn on_ready<H, F, E>(&mut self, hook: H)
    where
        H: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HookFailure>,
    {
        self.ready.push(boxed(hook));
    }

    /// Runs after the drain, when no handler is at work any more. An error is
    /// logged and the rest run all the same.
    pub fn on_stop<H, F, E>(&mut self, hook: H)
    where
        H: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HookFailure>,
    {
        self.stop.push(boxed(hook));
    }

    /// Runs what is to run before the start.
    ///
    /// # Errors
    ///
    /// The first hook's that fails; those after it do not run.
    ///
    /// # Cancel safety
    ///
    /// The hook under way is dropped; none runs twice.
    pub async fn start(&mut self) -> Result<(), HookError> {
        run(Turn::Start, std::mem::take(&mut self.start)).await
    }

    /// Runs what is to run once the service answers.
    ///
    /// # Errors
    ///
    /// The first hook's that fails; those after it do not run.
    ///
    /// # Cancel safety
    ///
    /// The hook under way is dropped; none runs twice.
    pub async fn ready(&mut self) -> Result<(), HookError> {
        run(Turn::Ready, std::mem::take(&mut self.ready)).await
    }

    /// Runs what is to run after the drain, `within` in all; what has not ended
    /// by then is dropped.
    ///
    /// # Cancel safety
    ///
    /// The hook under way is dropped; none runs twice.
    pub async fn stop(&mut self, within: Duration) {
        let until = Instant::now() + within;
        let hooks = std::mem::take(&mut self.stop);
        let count = hooks.len();
        for (index, hook) in hooks.into_iter().enumerate() {
            let number = index + 1;
            match timeout_at(until, hook()).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    let turn = Turn::Stop;
                    let error = HookError {
                        turn,
                        number,
                        count,
                        failure,
                    };
                    tracing::error!("{error}");
                }
                Err(_elapsed) => {
                    tracing::error!(number, count, ?within, "on_stop hooks took too long");
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("start", &self.start.len())
            .field("ready", &self.ready.len())
            .field("stop", &self.stop.len())
            .finish()
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "on_start",
            Self::Ready => "on_ready",
            Self::Stop => "on_stop",
        })
    }
}

fn boxed<H, F, E>(hook: H) -> Hook
where
    H: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<HookFailure>,
{
    Box::new(move || {
        let ran = hook();
        Box::pin(async move { ran.await.map_err(Into::into) })
    })
}

async fn run(turn: Turn, hooks: Vec<Hook>) -> Result<(), HookError> {
    let count = hooks.len();
    for (index, hook) in hooks.into_iter().enumerate() {
        hook().await.map_err(|failure| HookError {
            turn,
            number: index + 1,
            count,
            failure,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    type Log = Arc<Mutex<Vec<&'static str>>>;

    fn log(
        log: &Log,
        entry: &'static str,
    ) -> impl FnOnce() -> std::future::Ready<Result<(), &'static str>> + use<> {
        let log = Arc::clone(log);
        move || {
            log.lock().push(entry);
            std::future::ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn hooks_run_once_and_in_order() {
        let seen = Log::default();
        let mut hooks = Hooks::new();
        hooks.on_stop(log(&seen, "stop"));
        hooks.on_start(log(&seen, "first start"));
        hooks.on_start(log(&seen, "second start"));
        hooks.on_ready(log(&seen, "ready"));
        for _ in 0..2 {
            hooks.start().await.expect("no hook fails");
            hooks.ready().await.expect("no hook fails");
            hooks.stop(Duration::from_secs(1)).await;
        }
        assert_eq!(
            *seen.lock(),
            ["first start", "second start", "ready", "stop"]
        );
    }

    #[tokio::test]
    async fn a_start_hook_that_fails_keeps_the_rest_from_running() {
        let seen = Log::default();
        let mut hooks = Hooks::new();
        hooks.on_start(log(&seen, "first"));
        hooks.on_start(async || Err("the database is at version 3"));
        hooks.on_start(log(&seen, "third"));
        let error = hooks.start().await.expect_err("the second hook fails");
        assert_eq!(
            error.to_string(),
            "on_start hook 2 of 3 failed: the database is at version 3"
        );
        assert_eq!(*seen.lock(), ["first"]);
    }

    #[tokio::test]
    async fn a_stop_hook_that_fails_does_not_keep_the_rest_from_running() {
        let seen = Log::default();
        let mut hooks = Hooks::new();
        hooks.on_stop(async || Err("the cache is gone"));
        hooks.on_stop(log(&seen, "second"));
        hooks.stop(Duration::from_secs(1)).await;
        assert_eq!(*seen.lock(), ["second"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_hook_that_hangs_is_dropped() {
        let begun = Instant::now();
        let mut hooks = Hooks::new();
        hooks.on_stop(std::future::pending::<Result<(), Infallible>>);
        hooks.stop(Duration::from_secs(3)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
    }
}
