//! A connection whose every byte is the test's.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

/// A connection whose every byte is the test's.
pub(crate) struct Raw {
    stream: TcpStream,
    /// What has come and was not asked for yet.
    read: Vec<u8>,
}

impl Raw {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = within(TcpStream::connect(address)).await;
        Self {
            stream: stream.expect("a connection"),
            read: Vec::new(),
        }
    }

    /// Sends bytes; whoever does not want them may have closed already.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within(self.stream.write_all(bytes.as_ref())).await;
    }

    /// Everything up to the end of the connection, however that comes.
    pub(crate) async fn rest(mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// The next answer: its head, and a body of the length that it says.
    pub(crate) async fn answer(&mut self) -> String {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.more().await, "closed: {:?}", self.text());
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let whole = head + length.unwrap_or(0_usize);
        while self.read.len() < whole {
            assert!(self.more().await, "closed: {:?}", self.text());
        }
        let rest = self.read.split_off(whole);
        let answer = std::mem::replace(&mut self.read, rest);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// So many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.more().await, "closed: {:?}", self.text());
        }
        let rest = self.read.split_off(count);
        std::mem::replace(&mut self.read, rest)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    async fn more(&mut self) -> bool {
        let read = within(self.stream.read_buf(&mut self.read)).await;
        read.is_ok_and(|count| count > 0)
    }
}
