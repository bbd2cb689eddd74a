use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::spawn_blocking,
};
use xtask::redis::Redis;

/// A Redis of one test's own, which it may kill and hold up. It ends when this is dropped.
///
/// # Cancel safety
///
/// What a method has begun goes on in the background when its future is dropped; the next method waits for it.
#[derive(Debug)]
pub struct PrivateRedis {
    address: SocketAddr,
    redis: Arc<Mutex<Redis>>,
}

impl PrivateRedis {
    /// Starts one with further settings as they stand on its command line.
    ///
    /// # Errors
    ///
    /// When none can be started here.
    pub async fn start(settings: &'static [&'static str]) -> Result<Self> {
        let redis = spawn_blocking(|| Redis::start_with(settings))
            .await
            .context("starting a redis panicked")??;
        Ok(Self {
            address: redis.address(),
            redis: Arc::new(Mutex::new(redis)),
        })
    }

    /// Where it listens; the same when it is started again.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a store takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Kills it where it stands.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub async fn kill(&self) -> Result<()> {
        self.with(Redis::kill).await
    }

    /// Starts it again after it was killed, on its port; it answers when this returns.
    ///
    /// # Errors
    ///
    /// When it is still running, or does not answer.
    pub async fn start_again(&self) -> Result<()> {
        self.with(Redis::start_again).await
    }

    /// Sends a command that is answered with OK.
    ///
    /// # Errors
    ///
    /// When it is answered with anything else.
    pub async fn command(&self, command: &str) -> Result<()> {
        let mut stream = BufReader::new(TcpStream::connect(self.address).await?);
        stream.write_all(command.as_bytes()).await?;
        stream.write_all(b"\r\n").await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        ensure!(answer == "+OK\r\n", "{command}: {answer}");
        Ok(())
    }

    async fn with(&self, action: fn(&mut Redis) -> Result<()>) -> Result<()> {
        let redis = Arc::clone(&self.redis);
        spawn_blocking(move || action(&mut redis.lock()))
            .await
            .context("an action on the redis panicked")?
    }
}
