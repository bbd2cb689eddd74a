use std::time::{Duration, Instant};

use anyhow::{Context, Result};
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
    let mut all = Recorder::new()?;
    let end = Instant::now() + span;
    let mut callers = JoinSet::new();
    for caller in 0..in_flight {
        let call = call.clone();
        let mut own = Recorder::new()?;
        callers.spawn(async move {
            loop {
                let begun = Instant::now();
                match call(caller).await {
                    Ok(()) => own.done(begun.elapsed()),
                    Err(_) => own.failed(),
                }
                if Instant::now() >= end {
                    return own;
                }
            }
        });
    }
    while let Some(own) = callers.join_next().await {
        all.join(&own.context("a caller panicked")?)?;
    }
    Ok(all.sample())
}
