//! The server, and the one connection to it.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, ErrorKind, RedisError, RedisResult, ScriptInvocation, Value};
use tokio::time::timeout;

use crate::config::SharedRates;

/// Within which a connection is made; a request does not wait for that long.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Commands that are queued before the next one waits for room.
const QUEUE: usize = 1024;

pub(super) struct Server {
    settings: SharedRates,
    /// Made when it is first asked for, and again after it failed for good.
    connection: Mutex<Option<ConnectionManager>>,
}

impl Server {
    pub(super) fn new(settings: &SharedRates) -> Self {
        Self {
            settings: settings.clone(),
            connection: Mutex::default(),
        }
    }

    /// Runs a script, which the server is given where it does not know it.
    ///
    /// # Errors
    ///
    /// What there is to say behind the server's address. What a server says itself may
    /// quote what it was sent, and is not repeated.
    pub(super) async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value, String> {
        let within = self.settings.within;
        let asked = async {
            let mut connection = self.connection()?;
            script.invoke_async(&mut connection).await
        };
        match timeout(within, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                // It would remember that its user was refused, and that it leads to a
                // replica.
                if !error.is_io_error() {
                    *self.connection.lock() = None;
                }
                Err(reason(&error))
            }
            Err(_) => Err(format!("does not answer within {within:?}")),
        }
    }

    fn connection(&self) -> RedisResult<ConnectionManager> {
        let mut connection = self.connection.lock();
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let nodelay = TcpSettings::default().set_nodelay(true);
        let redis = self.settings.redis.clone().set_tcp_settings(nodelay);
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(CONNECT_WITHIN))
            .set_pipeline_buffer_size(QUEUE);
        let made = ConnectionManager::new_lazy_with_config(Client::open(redis)?, config)?;
        Ok(connection.insert(made).clone())
    }
}

/// Without the connection, which shows what is secret.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn reason(error: &RedisError) -> String {
    match (error.kind(), error.code()) {
        (ErrorKind::Io, _) => format!("cannot be reached: {error}"),
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS" | "NOAUTH")) => {
            "refuses the user or the password of its address".to_owned()
        }
        (_, Some("NOPERM")) => "does not permit its user what counting takes: ACL SETUSER that \
                                user with ~ipc:rate:* (or the prefix you chose) and +evalsha \
                                +script|load +time +get +set"
            .to_owned(),
        (_, Some("READONLY")) => "is a replica, which takes no writes: name its primary".to_owned(),
        (_, Some("MOVED" | "CROSSSLOT" | "CLUSTERDOWN")) => {
            "is part of a cluster, and a server is needed that has every key".to_owned()
        }
        (_, Some(code)) => format!("refuses ({code})"),
        (_, None) => format!("answers what is not understood: {}", error.category()),
    }
}
