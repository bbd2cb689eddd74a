//! A relay between a store and its server that counts what is said: round trips and
//! statements are read off the wire, not assumed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Result;
use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::statements::Statements;

/// Reads before they are handed on.
const CHUNK: usize = 16 * 1024;

/// Hands on what two sides say, until it is dropped.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    said: Arc<Said>,
    _connections: JoinSet<()>,
}

/// What went through a relay since it began.
#[derive(Clone, Copy)]
pub(super) struct Count {
    /// How often a client spoke after it had been answered.
    pub(super) round_trips: u64,
    /// Statements with parameters, where the client speaks Postgres.
    pub(super) statements: u64,
}

#[derive(Default)]
struct Said {
    round_trips: AtomicU64,
    statements: AtomicU64,
}

/// A way of telling how many statements a client's bytes end.
pub(super) type Reading = fn() -> Option<Statements>;

impl Relay {
    pub(super) async fn to(server: SocketAddr, reading: Reading) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let said = Arc::<Said>::default();
        let mut connections = JoinSet::new();
        let counts = Arc::clone(&said);
        connections.spawn(async move {
            let mut carried = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                carried.spawn(carry(client, server, Arc::clone(&counts), reading()));
            }
        });
        Ok(Self {
            address,
            said,
            _connections: connections,
        })
    }

    pub(super) fn count(&self) -> Count {
        Count {
            round_trips: self.said.round_trips.load(Ordering::Relaxed),
            statements: self.said.statements.load(Ordering::Relaxed),
        }
    }
}

/// Carries one connection to its end, however it comes.
async fn carry(
    client: TcpStream,
    server: SocketAddr,
    said: Arc<Said>,
    statements: Option<Statements>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    // What is small must not wait for company here.
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let answered = AtomicBool::new(true);
    let mut statements = statements;
    let asking = pass(from_client, to_server, |bytes| {
        if answered.swap(false, Ordering::Relaxed) {
            said.round_trips.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(statements) = &mut statements {
            let ended = statements.read(bytes);
            said.statements.fetch_add(ended, Ordering::Relaxed);
        }
    });
    let answering = pass(from_server, to_client, |_| {
        answered.store(true, Ordering::Relaxed);
    });
    tokio::select! {
        _ = asking => {}
        _ = answering => {}
    }
}

/// Hands bytes on, each time after `heard` has seen them.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut heard: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        heard(&chunk[..read]);
        to.write_all(&chunk[..read]).await?;
    }
}
