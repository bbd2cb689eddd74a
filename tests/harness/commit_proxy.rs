use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

use crate::within;

/// Stands between a client and a Postgres, and can keep the answer to a commit to itself: the one moment at which
/// what is done and what is known of it differ.
#[derive(Debug)]
pub struct CommitProxy {
    port: u16,
    silence: Arc<Silence>,
    /// Ends with this.
    _listening: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Silence {
    is_asked_for: AtomicBool,
    has_begun: Notify,
    ends: Notify,
}

impl CommitProxy {
    /// In front of the Postgres that a client reaches at `url`.
    ///
    /// # Errors
    ///
    /// When the address is none, or there is no port to listen on.
    pub async fn before(url: &str) -> Result<Self> {
        let (_, place) = url.split_once('@').context("no user")?;
        let (server, _) = place.split_once('/').context("no database")?;
        let server = server.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let silence = Arc::<Silence>::default();
        let mut listening = JoinSet::new();
        let heard = Arc::clone(&silence);
        listening.spawn(async move {
            let mut carried = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, silence) = (server.clone(), Arc::clone(&heard));
                // what breaks off breaks off for both ends, which is all they learn of it
                carried.spawn(async move { drop(carry(client, &server, &silence).await) });
            }
        });
        Ok(Self {
            port,
            silence,
            _listening: listening,
        })
    }

    /// Where it listens, at 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next commit reaches the server, and its answer nobody.
    pub fn keep_next_answer(&self) {
        self.silence.is_asked_for.store(true, Ordering::SeqCst);
    }

    /// Waits until the server has answered such a commit: it is committed.
    ///
    /// # Errors
    ///
    /// When nobody commits.
    pub async fn has_answer(&self) -> Result<()> {
        within("a commit", self.silence.has_begun.notified()).await
    }

    /// Breaks off the connection that waits for its answer.
    pub fn break_off(&self) {
        self.silence.ends.notify_one();
    }
}

async fn carry(mut client: TcpStream, server: &str, silence: &Silence) -> Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut is_committing = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let bytes = &up[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let commits = bytes.windows(7).any(|part| part == b"COMMIT\0");
                is_committing |= commits && silence.is_asked_for.swap(false, Ordering::SeqCst);
                server.write_all(bytes).await?;
            }
            read = server.read(&mut down) => {
                let bytes = &down[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                if !is_committing {
                    client.write_all(bytes).await?;
                    continue;
                }
                silence.has_begun.notify_one();
                tokio::select! {
                    () = silence.ends.notified() => {}
                    // the client has gone
                    _ = client.read(&mut up) => {}
                }
                return Ok(());
            }
        }
    }
}
