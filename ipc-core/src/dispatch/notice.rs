//! Word to the sender of a one-way that was given up.

use std::fmt;
use std::time::Duration;

use crate::transport::{Outgoing, Placed, Transport};

/// How often it is tried: the dead letter is what counts.
const TRIES: u32 = 5;
/// Between two of these.
const PAUSE: Duration = Duration::from_millis(500);

/// What the sender of a record is told, once it is known where its dead letter lies.
pub(crate) struct Notice(Box<dyn FnOnce(Placed) -> Outgoing + Send + Sync>);

impl Notice {
    pub(crate) fn new(write: impl FnOnce(Placed) -> Outgoing + Send + Sync + 'static) -> Self {
        Self(Box::new(write))
    }

    /// Writes it to the log, if that can be done soon.
    pub(crate) async fn send(self, transport: &dyn Transport, letter: Placed) {
        let notice = (self.0)(letter);
        for _ in 0..TRIES {
            let receipt = transport.append(&notice);
            match receipt.await {
                Ok(_) => return,
                Err(error) if error.is_passing() => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    return tracing::debug!(%error, "a sender is not told of its dead letter");
                }
            }
        }
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").finish_non_exhaustive()
    }
}
