use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{interval, timeout};

/// Far beyond what anything here takes; it only turns a hang into a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until something has come about, for what nothing tells of.
///
/// # Errors
///
/// When it does not, naming it; or when asking fails.
pub async fn eventually(what: &str, ask: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    eventually_within(PATIENCE, what, ask).await
}

/// The same for what may take longer.
///
/// # Errors
///
/// As [`eventually`].
pub async fn eventually_within(
    patience: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let asking = async {
        let mut turns = interval(Duration::from_millis(50));
        loop {
            turns.tick().await;
            if ask().await? {
                return Ok(());
            }
        }
    };
    timeout(patience, asking)
        .await
        .with_context(|| format!("it never came about that {what}"))?
}

/// Waits for something that must happen.
///
/// # Errors
///
/// When it does not, naming it.
pub async fn within<T>(what: &str, happens: impl Future<Output = T>) -> Result<T> {
    timeout(PATIENCE, happens)
        .await
        .with_context(|| format!("{what} never happened"))
}
