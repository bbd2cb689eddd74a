//! The server, and the one connection to it.

use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ErrorKind, IntoConnectionInfo as _, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind, Value,
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{NAME, fault};
use crate::store::StoreError;

/// Attempts to connect again before those who wait are told why it does not work.
const RECONNECTS: usize = 1;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Commands that are queued before the next one waits for room.
const QUEUE: usize = 1024;
/// A connection whose other end does not even acknowledge what it is sent has broken.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// A server, whom every task asks over the same connection.
pub(super) struct Server {
    /// Why there is none, where the address is wrong.
    client: Result<Client, &'static str>,
    /// Host and port, without credentials.
    address: String,
    answer_within: Duration,
    /// Connects when it is first used, and again where it breaks.
    connection: Mutex<Option<ConnectionManager>>,
    /// Claims that were dropped and are being released.
    pub(super) releases: TaskTracker,
}

impl Server {
    pub(super) fn new(address: &str, answer_within: Duration) -> Self {
        let client = open(address);
        let address = match &client {
            Ok(client) => client.get_connection_info().addr().to_string(),
            Err(_) => "the address of the server".to_owned(),
        };
        Self {
            client,
            address,
            answer_within,
            connection: Mutex::default(),
            releases: TaskTracker::new(),
        }
    }

    /// The same with another bound, and a connection of its own.
    pub(super) fn answering_within(&self, bound: Duration) -> Self {
        Self {
            client: self.client.clone(),
            address: self.address.clone(),
            answer_within: bound,
            connection: Mutex::default(),
            releases: TaskTracker::new(),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// An error about this server.
    pub(super) fn error(&self, what: impl AsRef<str>) -> StoreError {
        StoreError::new(NAME, format!("{} {}", self.address, what.as_ref()))
    }

    /// Runs a script, which the server is given where it does not know it. It may run
    /// twice.
    pub(super) async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        self.ask(async |mut connection: ConnectionManager| {
            match script.invoke_async(&mut connection).await {
                // A connection that nobody used may have broken long ago.
                Err(error) if error.is_connection_dropped() => {
                    script.invoke_async(&mut connection).await
                }
                answered => answered,
            }
        })
        .await
    }

    /// What the server says of itself: lines of `name:value`.
    pub(super) async fn info(&self) -> Result<String, StoreError> {
        self.ask(async |mut connection: ConnectionManager| {
            redis::cmd("INFO").query_async(&mut connection).await
        })
        .await
    }

    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let client = self.client.as_ref().map_err(|wrong| self.error(wrong))?;
        let answered = async { question(self.connection(client)?).await };
        match timeout(self.answer_within, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_timeout() => Err(self.slow()),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(self.slow()),
        }
    }

    fn connection(&self, client: &Client) -> RedisResult<ConnectionManager> {
        let mut connection = self.connection.lock();
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(RECONNECTS)
            .set_min_delay(FIRST_PAUSE)
            .set_max_delay(LONGEST_PAUSE)
            .set_connection_timeout(Some(self.answer_within))
            .set_response_timeout(Some(self.answer_within))
            .set_pipeline_buffer_size(QUEUE);
        let made = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(connection.insert(made).clone())
    }

    fn slow(&self) -> StoreError {
        self.error(format!("does not answer within {:?}", self.answer_within))
    }

    fn failed(&self, error: RedisError) -> StoreError {
        if outlasts_its_cause(&error) {
            *self.connection.lock() = None;
        }
        let failed = self.error(fault::reason(&error));
        // What a server says may quote what it was sent.
        if error.is_io_error() {
            failed.because(error)
        } else {
            failed
        }
    }
}

/// Whether this connection would go on failing when another would not: it remembers
/// that its user was refused, and leads to a replica also when its address has become
/// that of the primary.
fn outlasts_its_cause(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::ReadOnly)
    )
}

/// A client of `address`, which is not repeated where it is wrong: it may hold a
/// password.
fn open(address: &str) -> Result<Client, &'static str> {
    if address.starts_with("rediss:") || address.starts_with("valkeys:") {
        return Err("asks for TLS, which this store does not speak: \
                    redis:// through a tunnel, or in a network of its own");
    }
    address
        .into_connection_info()
        .map(|info| info.set_tcp_settings(tcp()))
        .and_then(Client::open)
        .map_err(|_| {
            "is not one: write redis://[[user]:password@]host[:port][/database], with \
             what is special in user and password percent-encoded"
        })
}

fn tcp() -> TcpSettings {
    // A claim must not wait until there is more to send.
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNACKNOWLEDGED);
    settings
}
