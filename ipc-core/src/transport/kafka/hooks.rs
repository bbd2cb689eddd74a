//! What all clients of one transport share of librdkafka's callbacks.

use std::error::Error;
use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::logs::Logs;
use super::report::Report;
use super::tokens::Tokens;
use super::trouble::Trouble;
use crate::metrics::ClientKind;
use crate::transport::StatsSink;

/// The callbacks that have nothing to do with what a client is for.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    logs: Arc<Logs>,
    stats: Option<Arc<dyn StatsSink>>,
    tokens: Option<Arc<Tokens>>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

impl Hooks {
    pub(super) fn new(stats: Option<Arc<dyn StatsSink>>, tokens: Option<Tokens>) -> Self {
        Self {
            stats,
            tokens: tokens.map(Arc::new),
            ..Self::default()
        }
    }

    /// The way of a new client's statistics.
    pub(super) fn report(&self, kind: ClientKind) -> Report {
        Report::new(kind, self.stats.clone())
    }

    /// The latest error that concerned a client as a whole: why no broker
    /// answers, for example.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }
}

impl ClientContext for Hooks {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.logs.line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.logs.error(&error, reason);
        if let Some(trouble) = Trouble::told(&error, reason) {
            *self.trouble.lock() = Some(trouble);
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        match &self.tokens {
            Some(tokens) => Ok(tokens.current()),
            None => Err("no token provider is configured".into()),
        }
    }
}
