//! Connections that stop speaking HTTP: a client and the legacy upstream have switched
//! to another protocol, and bytes pass both ways.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{CONNECTION, UPGRADE};
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, request};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long one side may go on once the other has ended.
const LINGER: Duration = Duration::from_secs(10);

/// How long both sides have to take their end.
const FAREWELL: Duration = Duration::from_secs(1);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a connection has for as long as it is open, whoever it is spoken with.
#[derive(Clone)]
#[expect(dead_code, reason = "it is only held")]
pub(crate) struct Holding(pub(crate) Arc<dyn Any + Send + Sync>);

/// A client that asks for another protocol on its connection.
#[derive(Clone)]
pub(super) struct Upgrade {
    client: OnUpgrade,
    connection: Option<Holding>,
}

/// The protocol that a request asks for, for whoever sends it on.
#[derive(Clone)]
struct Protocol(HeaderValue);

impl Upgrade {
    /// What a request asks for. `None` where its connection is no HTTP/1.1, or is not
    /// said to be what is upgraded: `upgrade` alone says nothing then.
    pub(super) fn asked(head: &mut request::Parts) -> Option<Self> {
        let client = head.extensions.remove::<OnUpgrade>()?;
        let protocol = head.headers.get(UPGRADE)?.clone();
        if !names_upgrade(&head.headers) {
            return None;
        }
        head.extensions.insert(Protocol(protocol));
        let connection = head.extensions.remove();
        Some(Self { client, connection })
    }

    /// The client's connection, once it is upgraded, and what it has as long as it is open.
    pub(super) fn into_parts(self) -> (OnUpgrade, Option<Holding>) {
        (self.client, self.connection)
    }
}

/// The protocol that the client has asked for, where it may be asked for further on.
pub(super) fn protocol(extensions: &mut Extensions) -> Option<HeaderValue> {
    extensions.remove().map(|Protocol(protocol)| protocol)
}

/// Asks for this protocol, or says that it is spoken from now on. The headers of another
/// connection are gone.
pub(super) fn switch(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONNECTION).iter();
    let mut options = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// The tunnels that are open.
pub(super) struct Tunnels {
    tasks: TaskTracker,
    ending: CancellationToken,
    open: Gauge,
}

impl Tunnels {
    /// `open` shows how many there are.
    pub(super) fn new(open: Gauge) -> Self {
        Self {
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            open,
        }
    }

    /// Opens a tunnel where the upstream has agreed.
    pub(super) fn open(&self, upgrade: Upgrade, answer: &mut Response<Body>) {
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        let upstream = hyper::upgrade::on(answer);
        let ending = self.ending.clone();
        let counted = Counted::new(&self.open);
        let (client, connection) = upgrade.into_parts();
        self.tasks.spawn(async move {
            let _held = (counted, connection);
            let ended = tunnel(client, upstream, ending).await;
            // Either side may leave in the middle of anything.
            if let Err(error) = ended {
                tracing::debug!(error, "a tunnel ended badly");
            }
        });
    }

    /// Waits until all have ended by themselves.
    pub(super) async fn closed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends those that are open; how many these are.
    pub(super) async fn end(&self) -> usize {
        let open = self.tasks.len();
        self.ending.cancel();
        self.closed().await;
        open
    }
}

/// A tunnel that is counted until this is dropped.
struct Counted(Gauge);

impl Counted {
    fn new(open: &Gauge) -> Self {
        open.inc();
        Self(open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Passes bytes until either side has ended, or `ending`: both are told then.
async fn tunnel(
    client: OnUpgrade,
    upstream: OnUpgrade,
    ending: CancellationToken,
) -> Result<(), BoxError> {
    let both = async { tokio::try_join!(client, upstream) };
    let Some(both) = ending.run_until_cancelled(both).await else {
        return Ok(());
    };
    let (client, upstream) = both?;
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    let passing = pass(&mut client, &mut upstream);
    if let Some(ended) = ending.run_until_cancelled(passing).await {
        return ended;
    }
    let farewell = async { tokio::join!(client.shutdown(), upstream.shutdown()) };
    // Whoever does not take it is cut off.
    let _ = timeout(FAREWELL, farewell).await;
    Ok(())
}

async fn pass<C, U>(client: &mut C, upstream: &mut U) -> Result<(), BoxError>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (from_client, to_client) = split(client);
    let (from_upstream, to_upstream) = split(upstream);
    let up = one_way(from_client, to_upstream);
    let down = one_way(from_upstream, to_client);
    tokio::pin!(up, down);
    let rest = tokio::select! {
        ended = &mut up => {
            ended?;
            timeout(LINGER, down).await
        }
        ended = &mut down => {
            ended?;
            timeout(LINGER, up).await
        }
    };
    Ok(rest??)
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    fn headers(connection: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static(connection))])
    }

    #[test]
    fn only_a_connection_that_says_so_is_upgraded() {
        for connection in ["upgrade", "Upgrade", "keep-alive, UPGRADE"] {
            assert!(names_upgrade(&headers(connection)), "{connection}");
        }
        for connection in ["keep-alive", "upgraded", ""] {
            assert!(!names_upgrade(&headers(connection)), "{connection}");
        }
    }

    #[tokio::test]
    async fn what_a_side_said_before_it_ended_arrives() {
        let (mut client, mut near) = duplex(16);
        let (mut upstream, mut far) = duplex(16);
        let said = async {
            client.write_all(b"asked").await.unwrap();
            client.shutdown().await.unwrap();
            let mut heard = String::new();
            upstream.read_to_string(&mut heard).await.unwrap();
            upstream.write_all(b"answered").await.unwrap();
            upstream.shutdown().await.unwrap();
            let mut told = String::new();
            client.read_to_string(&mut told).await.unwrap();
            (heard, told)
        };

        let (passed, (heard, told)) = tokio::join!(pass(&mut near, &mut far), said);

        passed.expect("both ended well");
        assert_eq!((&*heard, &*told), ("asked", "answered"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_take_the_end_of_the_other_is_given_up() {
        let (mut client, mut near) = duplex(16);
        let (_upstream, mut far) = duplex(16);
        client.shutdown().await.unwrap();

        let passed = pass(&mut near, &mut far).await;

        assert!(passed.is_err());
    }
}
