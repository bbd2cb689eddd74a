//! The whole path on the development broker: client, log, dispatch, axum.
#![cfg(feature = "embedded")]

use std::error::Error;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use ipc_core::client::{CallError, Client};
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::service::Service;
use tower::ServiceExt as _;

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// A service, a broker of its own, and a caller.
struct System {
    service: Service,
    client: Client,
    _broker: EmbeddedBroker,
}

impl System {
    async fn start(name: &str, app: Router) -> TestResult<Self> {
        let broker = EmbeddedBroker::start().await?;
        let service = Service::builder(name)
            .create_topics(3)
            .kafka(broker.config())
            .serve(app)
            .start()
            .await?;
        let client = Client::builder("web")
            .create_topics(3)
            .connect_kafka(broker.config())
            .await?;
        Ok(Self {
            service,
            client,
            _broker: broker,
        })
    }

    async fn ask(&self, request: Request<Body>) -> Result<Response<Body>, CallError> {
        self.client.clone().oneshot(request).await
    }

    async fn stop(self) {
        self.service.stop().await;
        self.client.close().await;
    }
}

fn app() -> Router {
    Router::new()
        .route(
            "/hello/{name}",
            get(|Path(name): Path<String>| async move { format!("hello {name}") }),
        )
        .route(
            "/echo",
            post(|body: Bytes| async move { (StatusCode::CREATED, body) }),
        )
        .layer(DefaultBodyLimit::disable())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_router_answers_over_kafka() -> TestResult {
    let system = System::start("greeter", app()).await?;

    let request = Request::get("http://greeter/hello/ann").body(Body::empty())?;
    let response = system.ask(request).await?;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.into_body().collect().await?.to_bytes(),
        "hello ann"
    );

    let request = Request::post("http://greeter/echo").body(Body::from("a body"))?;
    let response = system.ask(request).await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.into_body().collect().await?.to_bytes(), "a body");

    system.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_larger_than_a_record_arrives_whole() -> TestResult {
    let size = 16 * 1024 * 1024;
    let app = Router::new().route("/large", get(move || async move { vec![7_u8; size] }));
    let system = System::start("large", app).await?;

    let request = Request::get("http://large/large").body(Body::empty())?;
    let response = system.ask(request).await?;
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await?.to_bytes();
    assert_eq!(body.len(), size);
    assert!(body.iter().all(|byte| *byte == 7));

    system.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_larger_than_a_record_arrives_whole() -> TestResult {
    let system = System::start("greeter", app()).await?;

    let sent: Bytes = (0..6 * 1024 * 1024_u32)
        .map(|i| i.to_le_bytes()[1])
        .collect();
    let request = Request::post("http://greeter/echo").body(Body::from(sent.clone()))?;
    let response = system.ask(request).await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(response.into_body().collect().await?.to_bytes() == sent);

    let too_large = Body::from(vec![0; 33 * 1024 * 1024]);
    let request = Request::post("http://greeter/echo").body(too_large)?;
    let response = system.ask(request).await?;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);

    system.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn server_sent_events_arrive_as_they_are_sent() -> TestResult {
    use axum::response::sse::{Event, Sse};
    use futures_util::{StreamExt as _, stream};

    let events = || async {
        let events = stream::iter(0..50)
            .map(|i| Ok::<_, std::io::Error>(Event::default().data(format!("event {i}"))));
        Sse::new(events)
    };
    let system = System::start("news", Router::new().route("/events", get(events))).await?;

    let request = Request::get("http://news/events").body(Body::empty())?;
    let response = system.ask(request).await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut frames = 0;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let data = frame?.into_data().unwrap_or_default();
        assert_eq!(data, format!("data: event {frames}\n\n"));
        frames += 1;
    }
    assert_eq!(frames, 50);

    system.stop().await;
    Ok(())
}
