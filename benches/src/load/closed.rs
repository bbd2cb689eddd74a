use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{Recorder, Sample};

/// Makes calls with `in_flight` of them always under way, each caller at least
/// one; `call` is told which caller it is.
pub(crate) async fn closed<F>(
    in_flight: usize,
    span: Duration,
    call: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<Sample>
where
    F: Future<Output = Result<()>> + Send,
{
    let recorder = Arc::new(Mutex::new(Recorder::new()));
    let end = Instant::now() + span;
    let mut callers = JoinSet::new();
    for caller in 0..in_flight {
        let (call, recorder) = (call.clone(), Arc::clone(&recorder));
        callers.spawn(async move {
            loop {
                let begun = Instant::now();
                let answer = call(caller).await;
                let now = Instant::now();
                match answer {
                    Ok(()) => recorder.lock().done(now - begun),
                    Err(error) => recorder.lock().failed(&error),
                }
                if now >= end {
                    return;
                }
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.context("a caller panicked")?;
    }
    let sample = recorder.lock().sample();
    Ok(sample)
}
