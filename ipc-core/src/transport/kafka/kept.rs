//! Clients that are made and dropped on a thread of their own.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::transport::TransportError;

/// A client whose last handle is always dropped by its keeper, a thread that
/// does nothing else: dropping a librdkafka client joins threads and may wait
/// for a broker that is away.
pub(super) struct Kept<T> {
    // The order of the fields matters: the keeper wakes when `alive` goes, and
    // by then this handle is gone.
    client: Arc<T>,
    #[expect(dead_code, reason = "the keeper waits until it is dropped")]
    alive: mpsc::Sender<Infallible>,
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// Makes a client on its keeper's thread.
    ///
    /// Dropping the future lets the client go as soon as it is made.
    pub(super) async fn make(
        make: impl FnOnce() -> Result<T, TransportError> + Send + 'static,
    ) -> Result<Self, TransportError> {
        let (alive, until) = mpsc::channel();
        let (made, is_made) = oneshot::channel();
        thread::Builder::new()
            .name("ipc-kafka-keep".to_owned())
            .spawn(move || {
                let client = match make() {
                    Ok(client) => Arc::new(client),
                    Err(error) => {
                        // Nobody waiting any more needs no reason.
                        let _ = made.send(Err(error));
                        return;
                    }
                };
                let _ = made.send(Ok(Arc::clone(&client)));
                let Err(mpsc::RecvError) = until.recv();
                drop(client);
            })
            .map_err(|error| {
                TransportError::other(format!("no thread for a Kafka client: {error}"))
            })?;
        let client = is_made.await.map_err(|_| {
            TransportError::other("the thread that makes a Kafka client ended early")
        })??;
        Ok(Self { client, alive })
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells which thread dropped it.
    struct Witness(mpsc::Sender<thread::ThreadId>);

    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[tokio::test]
    async fn the_client_is_dropped_by_the_thread_that_made_it() {
        let (dropped, dropped_by) = mpsc::channel();
        let (made, made_by) = mpsc::channel();
        let kept = Kept::make(move || {
            made.send(thread::current().id()).unwrap();
            Ok(Witness(dropped))
        })
        .await
        .unwrap();
        drop(kept);
        assert_eq!(dropped_by.recv(), made_by.recv());
    }

    #[tokio::test]
    async fn a_client_that_cannot_be_made_says_why() {
        let made = Kept::<Witness>::make(|| Err(TransportError::other("no such file"))).await;
        assert_eq!(made.err().unwrap().to_string(), "no such file");
    }
}
