use std::{env, sync::Arc};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use xtask::broker::{Broker, Provider};

/// A broker of one test's own, which it may stop and kill. It ends when this is dropped.
///
/// # Cancel safety
///
/// What a method has begun goes on in the background when its future is dropped; the next method waits for it.
#[derive(Debug)]
pub struct PrivateBroker {
    bootstrap: String,
    broker: Arc<Mutex<Broker>>,
}

impl PrivateBroker {
    /// Starts a broker in the way the shared one was started, or, where that one is external, in the way that
    /// works.
    ///
    /// # Errors
    ///
    /// When no broker can be started here.
    pub async fn start() -> Result<Self> {
        let broker = spawn_blocking(|| Broker::start(&providers()))
            .await
            .context("starting a broker panicked")??;
        Ok(Self {
            bootstrap: broker.bootstrap().to_owned(),
            broker: Arc::new(Mutex::new(broker)),
        })
    }

    /// What clients take as `bootstrap.servers`; the same when the broker is started again.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Stops the broker in order.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn stop(&self) -> Result<()> {
        self.with(Broker::stop).await
    }

    /// Kills the broker where it stands.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub async fn kill(&self) -> Result<()> {
        self.with(Broker::kill).await
    }

    /// Starts the stopped or killed broker again, on its port and its data; it answers when this returns.
    ///
    /// # Errors
    ///
    /// When it is still running, or does not answer.
    pub async fn start_again(&self) -> Result<()> {
        self.with(Broker::start_again).await
    }

    async fn with(&self, action: fn(&mut Broker) -> Result<()>) -> Result<()> {
        let broker = Arc::clone(&self.broker);
        spawn_blocking(move || action(&mut broker.lock()))
            .await
            .context("an action on the broker panicked")?
    }
}

/// Who starts brokers of the tests' own.
pub(super) fn providers() -> Vec<Provider> {
    let shared = env::var("IPC_TEST_PROVIDER").unwrap_or_default();
    let same = Provider::PRIVATE
        .into_iter()
        .find(|provider| provider.to_string() == shared);
    same.map_or(Provider::PRIVATE.to_vec(), |provider| vec![provider])
}
