//! Over the development broker: shim, log, dispatch, axum.

use axum::body::Body;
use axum::extract::Path;
use axum::response::sse::{Event, Sse};
use axum::routing::{get as on_get, post as on_post};
use axum::{Extension, Router};
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::health::Health;
use ipc_core::response::ReplyStream;
use ipc_core::service::Service;
use ipc_http_shim::Config;
use ipc_http_shim::upstream::KafkaUpstream;
use tokio::sync::mpsc;

use crate::support::{OverKafka, get, post, text};

const ROUTES: &str = r#"
[[routes]]
path = "/orders/{id}"
service = "orders"

[[routes]]
path = "/orders/{id}/audit"
service = "orders"
mode = "one_way"

[[routes]]
path = "/orders/{id}/{kind}"
service = "orders"
mode = "stream"
"#;

fn application(audits: mpsc::Sender<String>) -> Router {
    let call = async |Path(id): Path<String>, headers: HeaderMap, body: String| {
        let secret = headers["authorization"].to_str().unwrap_or_default();
        (StatusCode::CREATED, format!("{id} {secret} {body}"))
    };
    let audit = async move |Path(id): Path<String>| {
        audits.send(id).await.expect("the test waits for it");
    };
    let events = async || {
        let events =
            ["one", "two"].map(|data| Ok::<_, std::io::Error>(Event::default().data(data)));
        Sse::new(stream::iter(events))
    };
    let replies = async || {
        let replies = [r#"{"n":1}"#, r#"{"n":2}"#].map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(stream::iter(replies));
        (Extension(ReplyStream), body)
    };
    let broken = async || {
        let replies = [Ok("one"), Err(std::io::Error::other("a private reason"))];
        let body = Body::from_stream(stream::iter(replies));
        (Extension(ReplyStream), body)
    };
    Router::new()
        .route("/orders/{id}/broken", on_get(broken))
        .route("/orders/{id}", on_post(call))
        .route("/orders/{id}/audit", on_post(audit))
        .route("/orders/{id}/events", on_get(events))
        .route("/orders/{id}/replies", on_get(replies))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_reply_topic_is_told_with_the_setting_that_makes_it() {
    let broker = EmbeddedBroker::start().await.expect("a broker");
    let mut config = Config::default();
    config
        .kafka
        .set("bootstrap.servers", broker.config().bootstrap());

    let error = KafkaUpstream::connect(&config, &Health::new()).await.err();

    let error = error.expect("the topic is missing").to_string();
    assert!(error.contains("shim.replies"), "{error}");
    assert!(error.contains("reply_partitions = 12"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_application_answers_in_every_mode() {
    let (audits, mut audited) = mpsc::channel(1);
    let over_kafka =
        OverKafka::start(ROUTES, Service::builder("orders"), application(audits)).await;
    let shim = &over_kafka.shim;

    let mut call = post("/orders/7%2F8", "ham");
    let secret = "Bearer x".parse().expect("a value");
    call.headers_mut().insert("authorization", secret);
    let call = shim.send(call).await;
    assert_eq!(call.status(), StatusCode::CREATED);
    assert_eq!(text(call).await, "7/8 Bearer x ham");

    let one_way = shim.send(post("/orders/7/audit", "")).await;
    assert_eq!(one_way.status(), StatusCode::ACCEPTED);
    assert_eq!(audited.recv().await.as_deref(), Some("7"));

    let events = shim.send(get("/orders/7/events")).await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert_eq!(text(events).await, "data: one\n\ndata: two\n\n");

    let replies = shim.send(get("/orders/7/replies")).await;
    assert_eq!(replies.headers()["content-type"], "text/event-stream");
    assert_eq!(
        text(replies).await,
        "id: 1\ndata: {\"n\":1}\n\nid: 2\ndata: {\"n\":2}\n\n"
    );

    let broken = text(shim.send(get("/orders/7/broken")).await).await;
    let told = "id: 1\ndata: one\n\nevent: error\ndata: {";
    assert!(broken.starts_with(told), "{broken}");
    assert!(
        broken.contains("urn:ipc:problem:reply-broke-off"),
        "{broken}"
    );
    assert!(!broken.contains("private"), "{broken}");

    let not_there = shim.send(get("/orders/7/nothing")).await;
    assert_eq!(not_there.status(), StatusCode::NOT_FOUND);

    let counted = text(shim.probe("/metrics").await).await;
    let replies = r#"ipc_client_calls_total{outcome="reply"}"#;
    assert!(counted.contains(replies), "{counted}");

    over_kafka.stop().await;
}
