use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

const INTERVAL: Duration = Duration::from_millis(50);

/// Asks `probe` again and again until it has an answer; `None` if it has none within `limit`.
#[expect(
    clippy::disallowed_methods,
    reason = "another process's state can only be asked for, and nobody waits on this thread but the caller"
)]
pub(crate) fn until<T>(
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe()? {
            return Ok(Some(answer));
        }
        if start.elapsed() > limit {
            return Ok(None);
        }
        thread::sleep(INTERVAL);
    }
}
