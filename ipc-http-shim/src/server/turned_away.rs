//! Connections for which there is no place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipc_core::envelope::{Problem, problem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many are told at once; more are closed without a word.
const TOLD: usize = 64;

/// How long one that is told may take to hear it.
const HEARING: Duration = Duration::from_secs(1);

/// Tells connections that there is no place for them, where that costs little.
#[derive(Clone, Debug)]
pub(super) struct TurnedAway {
    telling: Arc<Semaphore>,
    answer: Bytes,
}

impl TurnedAway {
    pub(super) fn new() -> Self {
        let problem = Problem::new(
            "too-many-connections",
            "the gateway has as many connections as it takes",
            503,
        );
        let body = problem.to_json();
        let head = format!(
            "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
             content-type: {}\r\ncontent-length: {}\r\n\r\n",
            problem::CONTENT_TYPE,
            body.len()
        );
        Self {
            telling: Arc::new(Semaphore::new(TOLD)),
            answer: [head.as_bytes(), body.as_ref()].concat().into(),
        }
    }

    /// Answers a connection's first request with 503, unread, and closes it. `None`
    /// where enough are told: it is closed by then.
    pub(super) fn tell(
        &self,
        mut stream: TcpStream,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let permit = Arc::clone(&self.telling).try_acquire_owned().ok()?;
        let answer = self.answer.clone();
        Some(async move {
            let telling = async {
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // What is left unread when a socket is closed takes the answer away
                // from whoever sent it.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                Ok::<_, std::io::Error>(())
            };
            // It may have left already, and is not waited for.
            let _ = timeout(HEARING, telling).await;
            drop(permit);
        })
    }
}
