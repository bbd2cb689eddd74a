//! Who sent a request, from the client that says so to the handler that asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use http::{Request, Response, StatusCode};
use ipc_core::client::{Client, Options, RecordKey};
use ipc_core::contract::RetrySpec;
use ipc_core::dispatch::Policy;
use ipc_core::envelope::{Envelope, names};
use ipc_core::extract::Principal;
use ipc_core::http::Reserved;
use ipc_core::principal::{SigningKey, VerifyingKeys, Vouching};
use ipc_core::redrive::{DeadLetters, Filter, Refusal};
use tower::ServiceExt as _;

use super::system::{System, TestResult, Watch};

const SECRET: [u8; 32] = [7; 32];
const REQUESTS: &str = "orders.requests";

fn ann() -> Principal {
    Principal {
        credential: "jwt".into(),
        issuer: "https://id.example".into(),
        subject: "ann".into(),
        scopes: vec!["orders:write".into()],
    }
}

fn keys() -> VerifyingKeys {
    VerifyingKeys::new()
        .hmac("k", &SECRET)
        .expect("it is a key")
}

/// A request of Ann's, or of nobody.
fn request(vouched: bool, body: impl Into<Body>) -> Request<Body> {
    let mut options = Options::default();
    options.key = RecordKey::Bytes("7".into());
    if vouched {
        let key = SigningKey::hmac("k", &SECRET).expect("it is a key");
        options.principal = Some(Arc::new(Vouching::new(ann(), Arc::new(key))));
    }
    let request = Request::post("http://orders/who?x=1").extension(options);
    request.body(body.into()).expect("it is a request")
}

fn app() -> Router {
    let who = async |principal: Principal, body: Bytes| {
        format!(
            "{} {} {}",
            principal.subject,
            principal.may("orders:write"),
            body.len()
        )
    };
    let maybe = async |principal: Option<Principal>| match principal {
        Some(principal) => principal.subject.to_string(),
        None => "nobody".to_owned(),
    };
    Router::new()
        .route("/who", post(who))
        .route("/maybe", post(maybe))
        .layer(DefaultBodyLimit::disable())
}

async fn text(response: Response<Body>) -> TestResult<String> {
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    Ok(String::from_utf8(body.to_vec())?)
}

#[tokio::test(start_paused = true)]
async fn a_handler_knows_who_sent_a_request_of_any_size() -> TestResult {
    let system = System::new();
    let service = system.service("orders").principals(keys()).serve(app());
    let service = service.start().await?;
    let client = system.client("web").await?;

    for length in [0, 10, 3 * 512 * 1024 + 1] {
        let answer = client
            .clone()
            .oneshot(request(true, vec![b'a'; length]))
            .await?;
        assert_eq!(text(answer).await?, format!("ann true {length}"));
    }
    let nobody = client.clone().oneshot(request(false, "")).await?;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    service.stop().await;
    Ok(())
}

/// What a call of Ann's looks like in the log, and who answers it.
async fn recorded(system: &System, client: &Client) -> TestResult<(Envelope, Watch)> {
    let answer = client.clone().oneshot(request(true, "tea")).await?;
    assert_eq!(text(answer).await?, "ann true 3");
    let mut requests = system.watch(REQUESTS, 3).await?;
    let record = requests.next().await?.envelope;
    let topic = record
        .headers
        .get_str(names::REPLY_TOPIC)
        .ok_or("it has none")?;
    let mut replies = system.watch(topic, 3).await?;
    assert_eq!(status(&mut replies).await?, "200");
    Ok((record, replies))
}

/// The status of the next answer.
async fn status(replies: &mut Watch) -> TestResult<String> {
    loop {
        let reply = replies.next().await?.envelope;
        if let Some(status) = reply.headers.get_str(names::STATUS) {
            return Ok(status.to_owned());
        }
    }
}

/// The status of the answer to a copy of a record.
async fn answered(system: &System, record: Envelope, replies: &mut Watch) -> TestResult<String> {
    system.send(REQUESTS, record).await?;
    status(replies).await
}

#[tokio::test(start_paused = true)]
async fn the_same_record_again_is_believed_and_a_copy_on_anything_else_is_not() -> TestResult {
    let system = System::new();
    let service = system.service("orders").principals(keys()).serve(app());
    let service = service.start().await?;
    let client = system.client("web").await?;
    let (record, mut replies) = recorded(&system, &client).await?;
    assert_eq!(
        answered(&system, record.clone(), &mut replies).await?,
        "200"
    );
    let set = |name: &'static str, value: &'static str| {
        let mut copy = record.clone();
        copy.headers.set(name, value);
        copy
    };
    let mut keyed = record.clone();
    keyed.key = Some("8".into());
    let mut unkeyed = record.clone();
    unkeyed.key = None;
    let mut body = record.clone();
    body.payload = Some("tee".into());
    let mut twice = record.clone();
    let value = record
        .headers
        .get(names::PRINCIPAL)
        .ok_or("it has one")?
        .clone();
    twice.headers.push_static(names::PRINCIPAL, value);
    for (what, copy) in [
        ("correlation id", set(names::CORRELATION_ID, "another")),
        ("path", set(names::PATH, "/who?x=2")),
        ("endpoint", set(names::PATH, "/maybe")),
        ("shadow", set(names::SHADOW, "1")),
        ("value", set(names::PRINCIPAL, "1.k.AAAA.AAAA")),
        ("key", keyed),
        ("no key", unkeyed),
        ("body", body),
        ("two of them", twice),
    ] {
        assert_eq!(
            answered(&system, copy, &mut replies).await?,
            "401",
            "{what}"
        );
    }
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_word_holds_as_long_as_its_endpoint_says() -> TestResult {
    let system = System::new();
    let mut policy = Policy::new("other");
    policy.max_age = Duration::from_secs(60);
    let service = system.service("orders").default_policy(policy);
    let service = service.principals(keys()).serve(app()).start().await?;
    let client = system.client("web").await?;
    let (mut record, mut replies) = recorded(&system, &client).await?;
    // A call would be over by then.
    record.headers.remove(names::DEADLINE);
    record.headers.remove(names::BUDGET);

    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(
        answered(&system, record.clone(), &mut replies).await?,
        "200"
    );
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(answered(&system, record, &mut replies).await?, "401");
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_without_keys_says_so_where_it_is_asked() -> TestResult {
    let system = System::new();
    let service = system.service("orders").serve(app()).start().await?;
    let client = system.client("web").await?;

    let answer = client.clone().oneshot(request(true, "")).await?;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let (parts, body) = request(false, "").into_parts();
    let mut nobody = Request::from_parts(parts, body);
    *nobody.uri_mut() = "http://orders/maybe".parse()?;
    let answer = client.clone().oneshot(nobody).await?;
    assert_eq!(text(answer).await?, "nobody");
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_retry_knows_who_sent_it_and_a_redrive_only_where_it_is_said() -> TestResult {
    let system = System::new();
    let attempts = Arc::new(AtomicU32::new(0));
    let (seen, mut told) = tokio::sync::mpsc::channel(8);
    let failing = {
        let attempts = Arc::clone(&attempts);
        async move |principal: Principal| {
            seen.send(principal.subject).await.expect("it is heard");
            match attempts.fetch_add(1, Ordering::Relaxed) {
                0..=2 => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::OK,
            }
        }
    };
    let app = Router::new().route("/who", post(failing));
    let service = system.service("orders").create_topics(1).principals(keys());
    let service = service.retry(RetrySpec::attempts(3));
    let service = service.serve(app).start().await?;
    let client = system.client("web").await?;
    let mut letters = system.watch("orders.dlq", 1).await?;

    client
        .http_one_way(request(true, "tea"), Reserved::Refuse)
        .await?;
    for _ in 0..3 {
        assert_eq!(told.recv().await.as_deref(), Some("ann"));
    }
    letters.next().await?;

    let dead = DeadLetters::open(system.transport(), "orders.dlq").await?;
    let report = dead.redrive(Filter::new()).run().await?;
    assert!(
        matches!(report.refused[0].why, Refusal::Principal),
        "{report:?}"
    );
    let report = dead
        .redrive(Filter::new())
        .trust_principals(true)
        .run()
        .await?;
    assert!(report.refused.is_empty(), "{report:?}");
    assert_eq!(told.recv().await.as_deref(), Some("ann"));
    service.stop().await;
    Ok(())
}
