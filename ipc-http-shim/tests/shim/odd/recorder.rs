//! A server that keeps what it is sent, byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// A server that keeps what it is sent, byte by byte, and answers with 200.
pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    seen: mpsc::Receiver<String>,
    _serving: JoinSet<()>,
}

impl Recorder {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let (tell, seen) = mpsc::channel(64);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(record(stream, tell.clone()));
            }
        });
        Self {
            address,
            seen,
            _serving: serving,
        }
    }

    /// What was sent since the last time; of each request before it was answered.
    pub(super) fn seen(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }
}

/// One request, to which each connection is held.
async fn record(mut stream: TcpStream, tell: mpsc::Sender<String>) {
    let mut sent = Vec::new();
    while !is_whole(&sent) {
        match stream.read_buf(&mut sent).await {
            Ok(count) if count > 0 => {}
            // It was given up in the middle.
            _ => break,
        }
    }
    if sent.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(&sent).into_owned();
    // The test may have ended.
    let _ = tell.send(text).await;
    let _ = stream.write_all(ANSWER).await;
    let _ = stream.shutdown().await;
}

/// Whether a request is there to its end, as its head says.
fn is_whole(sent: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sent).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let value = |name: &str| {
        let mut lines = head.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    if value("transfer-encoding:").is_some() {
        let last = body.rfind("0\r\n");
        return last.is_some_and(|last| body[last..].ends_with("\r\n\r\n"));
    }
    let length = value("content-length:").map_or(0, |it| it.parse().unwrap_or(0));
    body.len() >= length
}
