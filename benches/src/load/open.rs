use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Recorder, Sample};

/// Calls that are due and not begun yet; more would be a client that cannot keep
/// up at all.
const DUE: usize = 65_536;

/// When calls are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    begin: Instant,
    every: Duration,
    pub(crate) calls: usize,
}

impl Schedule {
    /// From now on.
    pub(crate) fn new(per_second: u32, span: Duration) -> Self {
        let every = Duration::from_secs(1) / per_second;
        let calls = span.as_nanos() / every.as_nanos().max(1);
        Self {
            begin: Instant::now(),
            every,
            calls: usize::try_from(calls).unwrap_or(usize::MAX),
        }
    }

    /// When a call is due.
    pub(crate) fn at(&self, nth: usize) -> Instant {
        self.begin + self.every.mul_f64(nth as f64)
    }

    /// Begins each call when it is due, on this thread; `begin` answers whether
    /// to go on.
    #[expect(
        clippy::disallowed_methods,
        reason = "a timer of the runtime under load would be late by its load"
    )]
    pub(crate) fn keep(&self, mut begin: impl FnMut(usize) -> bool) {
        for nth in 0..self.calls {
            let due = self.at(nth);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if !begin(nth) {
                return;
            }
        }
    }
}

/// Begins calls at a constant rate; `call` is told which in the row it is, and
/// uses the keys in turn.
pub(crate) async fn open<F>(
    schedule: Schedule,
    keys: usize,
    call: impl Fn(usize) -> F,
) -> Result<Sample>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut recorder = Recorder::new();
    let (begin, mut due) = mpsc::channel(DUE);
    let pacer = thread::spawn(move || schedule.keep(|nth| begin.blocking_send(nth).is_ok()));
    let mut calls = JoinSet::new();
    let mut pacing = true;
    loop {
        tokio::select! {
            nth = due.recv(), if pacing => match nth {
                Some(nth) => {
                    let call = call(nth);
                    calls.spawn(async move { (nth, call.await) });
                }
                None => pacing = false,
            },
            Some(ended) = calls.join_next() => {
                let (nth, answer) = ended.context("a call panicked")?;
                match answer {
                    Ok(()) => recorder.done_under(nth % keys, schedule.at(nth).elapsed()),
                    Err(error) => recorder.failed(&error),
                }
            }
            else => break,
        }
    }
    // it has ended: its end of the channel is closed
    let _ = pacer.join();
    Ok(recorder.sample())
}
