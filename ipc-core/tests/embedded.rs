//! The whole path on the development broker: client, log, dispatch, axum.
#![cfg(feature = "embedded")]

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ipc_core::client::Client;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::service::Service;
use ipc_core::transport::kafka::KafkaTransport;
use tower::ServiceExt as _;

type TestResult = Result<(), Box<dyn Error>>;

fn app() -> Router {
    Router::new()
        .route(
            "/hello/{name}",
            get(|Path(name): Path<String>| async move { format!("hello {name}") }),
        )
        .route(
            "/echo",
            post(|body: String| async move { (StatusCode::CREATED, body) }),
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_router_answers_over_kafka() -> TestResult {
    let broker = EmbeddedBroker::start().await?;
    let service = Service::builder("greeter")
        .create_topics(3)
        .serve(
            Arc::new(KafkaTransport::connect(broker.config()).await?),
            app(),
        )
        .await?;
    let client = Client::builder("web")
        .create_topics(3)
        .connect(Arc::new(KafkaTransport::connect(broker.config()).await?))
        .await?;

    let request = Request::get("http://greeter/hello/ann").body(Body::empty())?;
    let response = client.clone().oneshot(request).await?;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.into_body().collect().await?.to_bytes(),
        "hello ann"
    );

    let request = Request::post("http://greeter/echo").body(Body::from("a body"))?;
    let response = client.clone().oneshot(request).await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.into_body().collect().await?.to_bytes(), "a body");

    service.stop().await;
    client.close().await;
    Ok(())
}
