//! OAUTHBEARER tokens: asked for ahead of need, handed to librdkafka at once.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::transport::TransportError;

/// Longest wait for the provider's next token; a later answer is not used.
const PATIENCE: Duration = Duration::from_secs(30);
/// Librdkafka asks for a new token after 80 % of the old one's life. It must
/// find one, so the next is fetched before that.
const REFRESH_AFTER: f64 = 0.7;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// A bearer token for SASL OAUTHBEARER.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// The token itself, as it goes to the broker.
    pub value: String,
    /// The Kafka principal it stands for.
    pub principal: String,
    /// When it expires.
    pub expires_at: SystemTime,
}

impl Token {
    /// A token.
    #[must_use]
    pub fn new(
        value: impl Into<String>,
        principal: impl Into<String>,
        expires_at: SystemTime,
    ) -> Self {
        Self {
            value: value.into(),
            principal: principal.into(),
            expires_at,
        }
    }
}

/// Never shows the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Gets tokens for SASL OAUTHBEARER, from an identity provider or a file.
///
/// It is called on the runtime, one call at a time: when the transport connects,
/// then each time 70 % of a token's life has passed. A failure is tried again
/// after 1 s, 2 s, and so on up to 30 s; the old token serves as long as it lives.
#[async_trait]
pub trait TokenProvider: Send + Sync + 'static {
    /// A new token.
    ///
    /// # Errors
    ///
    /// When none can be had now. The message goes to the log, so it must hold no
    /// secret.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when it takes longer than 30 s (for the first token:
    /// than the start-up bound), or when the transport is.
    async fn token(&self) -> Result<Token, Box<dyn Error + Send + Sync>>;
}

/// The token of one transport and the task that renews it.
pub(super) struct Tokens {
    current: Arc<Mutex<Token>>,
    // Its one task ends with the last client that needs it.
    _renewal: JoinSet<()>,
}

impl Tokens {
    /// Gets the first token, in time for the start, and goes on renewing it.
    pub(super) async fn start(
        provider: Arc<dyn TokenProvider>,
        within: Duration,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Result<Self, TransportError> {
        let first = ask(&*provider, within, &clock).await.map_err(|reason| {
            TransportError::configuration(format!(
                "no token for SASL OAUTHBEARER: {reason}: check the token provider"
            ))
        })?;
        let current = Arc::new(Mutex::new(first));
        let mut renewal = JoinSet::new();
        renewal.spawn(
            renew(provider, Arc::clone(&current), clock)
                .instrument(tracing::info_span!("kafka_token_renewal")),
        );
        Ok(Self {
            current,
            _renewal: renewal,
        })
    }

    /// The token for librdkafka, which takes it on one of its threads: no waiting
    /// here. It refuses one that has expired and asks again by itself.
    pub(super) fn current(&self) -> OAuthToken {
        let token = self.current.lock();
        OAuthToken {
            token: token.value.clone(),
            principal_name: token.principal.clone(),
            lifetime_ms: millis(token.expires_at),
        }
    }
}

fn millis(at: SystemTime) -> i64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

async fn ask(
    provider: &dyn TokenProvider,
    within: Duration,
    clock: &impl Fn() -> SystemTime,
) -> Result<Token, String> {
    let token = tokio::time::timeout(within, provider.token())
        .await
        .map_err(|_| format!("the provider did not answer within {within:?}"))?
        .map_err(|error| error.to_string())?;
    if token.expires_at <= clock() {
        return Err("the provider's token has expired already".to_owned());
    }
    Ok(token)
}

async fn renew(
    provider: Arc<dyn TokenProvider>,
    current: Arc<Mutex<Token>>,
    clock: impl Fn() -> SystemTime,
) {
    let mut retry = FIRST_RETRY;
    let mut wait = until_renewal(current.lock().expires_at, clock());
    loop {
        tokio::time::sleep(wait).await;
        match ask(&*provider, PATIENCE, &clock).await {
            Ok(token) => {
                retry = FIRST_RETRY;
                wait = until_renewal(token.expires_at, clock());
                *current.lock() = token;
            }
            Err(reason) => {
                tracing::warn!(target: "ipc::kafka", reason, ?retry, "token not renewed");
                wait = retry;
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

/// How long a token serves before the next one is asked for. Never so short that
/// a provider of very short-lived tokens is asked without a pause.
fn until_renewal(expires_at: SystemTime, now: SystemTime) -> Duration {
    let life = expires_at.duration_since(now).unwrap_or_default();
    life.mul_f64(REFRESH_AFTER).max(FIRST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    /// Answers with the lives it is given, in turn, and tells when it was asked.
    struct Scripted {
        started: Instant,
        lives: Mutex<VecDeque<Result<Duration, &'static str>>>,
        asked: mpsc::Sender<Duration>,
        clock: fn(Instant) -> SystemTime,
    }

    /// Wall time that moves with tokio's paused clock.
    fn clock(started: Instant) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + started.elapsed()
    }

    #[async_trait]
    impl TokenProvider for Scripted {
        async fn token(&self) -> Result<Token, Box<dyn Error + Send + Sync>> {
            self.asked.try_send(self.started.elapsed())?;
            let next = self.lives.lock().pop_front();
            match next {
                Some(Ok(life)) => {
                    let at = format!("token at {:?}", self.started.elapsed());
                    Ok(Token::new(at, "me", (self.clock)(self.started) + life))
                }
                Some(Err(reason)) => Err(reason.into()),
                None => std::future::pending().await,
            }
        }
    }

    async fn start(
        lives: impl IntoIterator<Item = Result<Duration, &'static str>>,
    ) -> (Result<Tokens, TransportError>, mpsc::Receiver<Duration>) {
        let started = Instant::now();
        let (asked, was_asked) = mpsc::channel(16);
        let provider = Arc::new(Scripted {
            started,
            lives: Mutex::new(lives.into_iter().collect()),
            asked,
            clock,
        });
        let tokens = Tokens::start(provider, WITHIN, move || clock(started)).await;
        (tokens, was_asked)
    }

    const HOUR: Duration = Duration::from_secs(3600);
    const WITHIN: Duration = Duration::from_secs(4);

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_before_librdkafka_asks_for_the_next() {
        let (tokens, mut asked) = start([Ok(HOUR), Ok(HOUR)]).await;
        let tokens = tokens.unwrap();
        assert_eq!(asked.recv().await, Some(Duration::ZERO));
        let first = tokens.current();
        assert_eq!(first.lifetime_ms, 1_003_600_000);
        let at = asked.recv().await.unwrap();
        assert!(at < HOUR.mul_f64(0.8), "asked after {at:?}");
        // The third question shows that the second answer is in use.
        assert_eq!(asked.recv().await.map(|again| again > at), Some(true));
        assert_ne!(tokens.current().token, first.token);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_in_trouble_is_asked_again_ever_more_slowly() {
        let failures = (0..7).map(|_| Err("the identity provider is away"));
        let (tokens, mut asked) = start([Ok(HOUR)].into_iter().chain(failures)).await;
        let tokens = tokens.unwrap();
        let mut times = Vec::new();
        for _ in 0..8 {
            times.push(asked.recv().await.unwrap());
        }
        let waits: Vec<u64> = times[1..]
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64().round() as u64)
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30]);
        assert!(tokens.current().token.starts_with("token at 0"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_hangs_or_hands_out_the_past_is_an_error_at_the_start() {
        let (tokens, _asked) = start([]).await;
        let error = tokens.err().unwrap().to_string();
        assert!(error.contains("did not answer within 4s"), "{error}");
        let (tokens, _asked) = start([Ok(Duration::ZERO)]).await;
        let error = tokens.err().unwrap().to_string();
        assert!(error.contains("expired already"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn renewal_ends_with_the_last_user_of_the_token() {
        let (tokens, mut asked) = start([Ok(HOUR)]).await;
        assert_eq!(asked.recv().await, Some(Duration::ZERO));
        drop(tokens);
        assert_eq!(asked.recv().await, None);
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new("s3cret", "me", SystemTime::UNIX_EPOCH);
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
