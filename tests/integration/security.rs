//! Brokers that authenticate, and brokers that allow little.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use axum::{Router, routing::post};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use harness::{
    ADMIN, NOBODY, SecuredBroker, Stage, User, call, eventually, unknown_authority, within,
};
use http::StatusCode;
use ipc_core::{
    client::Client,
    service::Service,
    transport::{
        TransportError,
        kafka::{KafkaConfig, KafkaTransport, Token, TokenProvider},
    },
};

fn app() -> Router {
    Router::new().route("/work", post(|| async { "done" }))
}

fn with_password(config: KafkaConfig, mechanism: &str, user: User) -> KafkaConfig {
    config
        .set("sasl.mechanism", mechanism)
        .set("sasl.username", user.name)
        .set("sasl.password", user.password)
}

/// A service and its caller, both reached in this way, make one call.
async fn assert_carries_a_call(config: KafkaConfig) -> Result<()> {
    let stage = Stage::reached_by(config, "secured");
    let service = stage.service(1).serve(app()).start().await?;
    let client = stage.client().await?;
    let (status, body) = within("the answer", call(&client, stage.post("/work", ""))).await??;
    assert_eq!((status, &*body), (StatusCode::OK, &b"done"[..]));
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_and_scram_carry_calls_with_and_without_tls() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for listener in [broker.sasl()?, broker.sasl_tls()?] {
            let config = with_password(listener, mechanism, ADMIN);
            let carried = assert_carries_a_call(config).await;
            carried.with_context(|| mechanism.to_owned())?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_alone_carries_calls() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    assert_carries_a_call(broker.tls()?).await
}

/// What connecting fails with.
async fn refusal(config: KafkaConfig) -> Result<TransportError> {
    let connected = within("an answer", KafkaTransport::connect(config)).await?;
    connected.err().context("it connected")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_at_the_start_with_mechanism_and_user() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    let stranger = User {
        password: "a-guess",
        ..ADMIN
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let error = refusal(with_password(broker.sasl()?, mechanism, stranger)).await?;
        assert!(error.is_configuration(), "{error}");
        let error = error.to_string();
        let who = format!("SASL {mechanism} as user \"{}\"", ADMIN.name);
        for part in [broker.sasl()?.bootstrap(), &who, "sasl.password"] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
        assert!(!error.contains(stranger.password), "{error}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_an_unknown_authority_is_not_trusted() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    let config = broker.tls()?.set("ssl.ca.pem", unknown_authority()?);
    let error = refusal(config).await?;
    assert!(error.is_configuration(), "{error}");
    let error = error.to_string();
    for part in [broker.tls()?.bootstrap(), "TLS", "ssl.ca.location"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    Ok(())
}

/// Makes unsecured tokens, as Kafka's own validator for tests takes them.
struct Issuer {
    principal: &'static str,
    life: Duration,
    issued: AtomicUsize,
}

impl Issuer {
    fn new(principal: &'static str, life: Duration) -> Arc<Self> {
        Arc::new(Self {
            principal,
            life,
            issued: AtomicUsize::new(0),
        })
    }

    fn issued(&self) -> usize {
        self.issued.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenProvider for Issuer {
    async fn token(&self) -> Result<Token, Box<dyn Error + Send + Sync>> {
        let now = SystemTime::now();
        let expires_at = now + self.life;
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).map(|at| at.as_secs_f64());
        let claims = format!(
            r#"{{"sub":"{}","iat":{},"exp":{}}}"#,
            self.principal,
            seconds(now)?,
            seconds(expires_at)?
        );
        let encoded = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        let token = format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded(&claims));
        self.issued.fetch_add(1, Ordering::SeqCst);
        Ok(Token::new(token, self.principal, expires_at))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bearer_s_token_is_renewed_before_it_expires() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    let stage = Stage::reached_by(broker.plain(), "bearer");
    // Kafka's admin client for Rust has no tokens, so the topics are there before.
    let first = stage.service(1).serve(app()).start().await?;
    let caller = stage.client().await?;
    caller.close().await;
    first.stop().await;

    // The broker ends a session without a fresh token with its token.
    let tokens = Issuer::new(ADMIN.name, Duration::from_secs(4));
    let config = broker.sasl()?.token_provider(tokens.clone());
    let service = Service::builder(stage.name()).kafka(config.clone());
    let service = service.serve(app()).start().await?;
    let client = Client::builder(stage.fleet()).connect_kafka(config).await?;
    let at_start = tokens.issued();
    // Service and caller ask for themselves; the second token more comes after the first has expired.
    eventually("both have had two tokens more", async || {
        let (status, _) = call(&client, stage.post("/work", "")).await?;
        assert_eq!(status, StatusCode::OK);
        Ok(tokens.issued() >= at_start + 4)
    })
    .await?;
    let (status, _) = call(&client, stage.post("/work", "")).await?;
    assert_eq!(status, StatusCode::OK);
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_the_broker_refuses_is_told_at_the_start() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    // A principal of no name cannot be validated.
    let config = broker
        .sasl()?
        .token_provider(Issuer::new("", Duration::from_secs(60)));
    let error = refusal(config).await?;
    assert!(error.is_configuration(), "{error}");
    let error = error.to_string();
    for part in ["SASL OAUTHBEARER", "token provider"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_permissions_come_in_one_error_with_the_commands_that_grant_them() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    let stage = Stage::reached_by(broker.plain(), "forbidden");
    stage.service(1).serve(app()).start().await?.stop().await;

    let config = with_password(broker.sasl()?, "SCRAM-SHA-256", NOBODY);
    let service = Service::builder(stage.name()).kafka(config);
    let error = within("an answer", service.serve(app()).start()).await?;
    let error = error.err().context("it started")?.to_string();
    let allow = format!("--add --allow-principal User:{}", NOBODY.name);
    let mut parts = vec![format!("--group {}", stage.name())];
    for (topic, operations) in [
        (stage.requests(), "--operation Describe --operation Read"),
        (
            stage.control(),
            "--operation Describe --operation Read --operation Write",
        ),
        (stage.pauses(), "--operation Describe --operation Read"),
        (
            stage.dead_letters(),
            "--operation Describe --operation Write",
        ),
    ] {
        parts.push(format!("topic {topic} may not be seen"));
        parts.push(format!("{allow} {operations} --topic {topic}"));
    }
    for part in parts {
        assert!(error.contains(&part), "{part} is not in: {error}");
    }
    Ok(())
}
