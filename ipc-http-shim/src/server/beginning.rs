//! The beginning of a connection, which tells what is spoken on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// As much as hyper reads at once. It doubles its buffer for what comes in two parts, and
/// keeps that as long as the connection lives.
const AT_ONCE: usize = 8 * 1024;

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    Http1,
    Http2,
}

pin_project! {
    /// A connection whose beginning is read again by who reads first.
    pub(super) struct Begun<S> {
        beginning: Bytes,
        #[pin]
        stream: S,
    }
}

/// Reads until it is clear what is spoken.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub(super) async fn begin<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<(Version, Begun<S>)> {
    let mut beginning = BytesMut::with_capacity(AT_ONCE);
    let version = loop {
        let read = stream.read_buf(&mut beginning).await?;
        if let Some(version) = version(&beginning) {
            break version;
        }
        if read == 0 {
            break Version::Http1;
        }
    };
    let beginning = beginning.freeze();
    Ok((version, Begun { beginning, stream }))
}

/// `None` as long as either may come.
fn version(beginning: &[u8]) -> Option<Version> {
    if beginning.starts_with(PREFACE) {
        Some(Version::Http2)
    } else if PREFACE.starts_with(beginning) {
        None
    } else {
        Some(Version::Http1)
    }
}

impl<S: AsyncRead> AsyncRead for Begun<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.beginning.is_empty() {
            return this.stream.poll_read(cx, buf);
        }
        let some = this.beginning.len().min(buf.remaining());
        buf.put_slice(&this.beginning[..some]);
        this.beginning.advance(some);
        if this.beginning.is_empty() {
            // An empty one would keep what it was cut from.
            *this.beginning = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite> AsyncWrite for Begun<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;
    use tokio_util::io::StreamReader;

    use super::*;

    /// What is said of a connection on which these pieces come one after the other, and
    /// all that is read from it then.
    async fn begun(pieces: &[&[u8]]) -> (Version, Vec<u8>) {
        let pieces = pieces.iter().map(|piece| Ok::<_, io::Error>(*piece));
        let stream = StreamReader::new(stream::iter(pieces));
        let (version, mut begun) = begin(stream).await.expect("it is read");
        let mut all = Vec::new();
        begun.read_to_end(&mut all).await.expect("it is read");
        (version, all)
    }

    #[tokio::test]
    async fn the_preface_is_http_2_and_everything_else_http_1() {
        for (beginning, expected) in [
            (PREFACE, Version::Http2),
            (b"GET / HTTP/1.1\r\n\r\n", Version::Http1),
            (b"PRI / HTTP/1.1\r\n\r\n", Version::Http1),
            (b"PRI * HTTP/2.0\r\n\r\n", Version::Http1),
            (b"", Version::Http1),
        ] {
            let (version, all) = begun(&[beginning]).await;

            assert_eq!((version, &*all), (expected, beginning));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_however_it_comes(
            is_preface in any::<bool>(),
            rest in proptest::collection::vec(any::<u8>(), 0..40),
            cuts in proptest::collection::vec(1..30_usize, 0..5),
        ) {
            let sent = if is_preface { [PREFACE, &rest].concat() } else { rest };
            let mut pieces = Vec::new();
            let mut left = &*sent;
            for cut in cuts {
                let (piece, others) = left.split_at(cut.min(left.len()));
                pieces.push(piece);
                left = others;
            }
            pieces.push(left);
            pieces.retain(|piece| !piece.is_empty());

            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let (version, all) = runtime.block_on(begun(&pieces));

            let expected = if sent.starts_with(PREFACE) { Version::Http2 } else { Version::Http1 };
            prop_assert_eq!((version, all), (expected, sent));
        }
    }
}
