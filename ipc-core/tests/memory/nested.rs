//! Calls that a handler makes while it serves one.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use ipc_core::client::{Client, Options};
use ipc_core::envelope::Deadline;
use ipc_core::extract::Shadow;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use super::system::{System, TestResult, keyed};

/// How long the outer handler works before it calls.
const WORK: Duration = Duration::from_millis(700);

fn asking(uri: &str, timeout: Duration) -> TestResult<Request<Body>> {
    let mut options = Options::default();
    options.timeout = Some(timeout);
    Ok(Request::get(uri).extension(options).body(Body::empty())?)
}

#[tokio::test(start_paused = true)]
async fn a_nested_call_inherits_what_is_left_of_the_deadline() -> TestResult {
    let system = System::new();
    let (told, mut deadlines) = mpsc::channel(2);
    let callee = {
        let told = told.clone();
        async move |deadline: Deadline| told.send(deadline).await.map_err(|_| StatusCode::GONE)
    };
    let caller = async move |State(client): State<Client>, deadline: Deadline| {
        told.send(deadline).await.map_err(|_| StatusCode::GONE)?;
        tokio::time::sleep(WORK).await;
        // It would wait for much longer than its own caller does.
        let request = asking("http://stock/callee", Duration::from_secs(60))
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let answer = client.oneshot(request).await;
        answer
            .map(|answer| answer.status())
            .map_err(|_| StatusCode::BAD_GATEWAY)
    };
    let nested = system.client("orders").await?;
    let stock = system
        .service("stock")
        .serve(Router::new().route("/callee", get(callee)))
        .start()
        .await?;
    let orders = system
        .service("orders")
        .serve(
            Router::new()
                .route("/caller", get(caller))
                .with_state(nested.clone()),
        )
        .start()
        .await?;
    let client = system.client("web").await?;
    let request = asking("http://orders/caller", Duration::from_secs(2))?;
    assert_eq!(
        client.clone().oneshot(request).await?.status(),
        StatusCode::OK
    );

    let outer = deadlines.recv().await.ok_or("the caller did not run")?;
    let inner = deadlines.recv().await.ok_or("the callee did not run")?;
    assert!(inner.at <= outer.at, "{inner:?} after {outer:?}");
    let budgets = inner.budget.zip(outer.budget).ok_or("no budget")?;
    assert!(budgets.0 + WORK <= budgets.1, "{budgets:?}");
    client.close().await;
    orders.stop().await;
    stock.stop().await;
    nested.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_to_a_lane_held_above_is_answered_508() -> TestResult {
    let system = System::new();
    let outer = async |State(client): State<Client>, body: String| {
        let key = if body == "same" { "lane" } else { "other" };
        let request = Request::post("http://orders/inner")
            .body(Body::empty())
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let answer = client.oneshot(keyed(request, key)).await;
        answer
            .map(|answer| answer.status().to_string())
            .map_err(|_| StatusCode::BAD_GATEWAY)
    };
    let nested = system.client("orders").await?;
    let app = Router::new()
        .route("/outer", post(outer))
        .route("/inner", post(async || ()))
        .with_state(nested.clone());
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    for (body, inner) in [("same", "508 Loop Detected"), ("another", "200 OK")] {
        let request = Request::post("http://orders/outer").body(Body::from(body))?;
        let answer = client.clone().oneshot(keyed(request, "lane")).await?;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(to_bytes(answer.into_body(), 64).await?, inner, "{body}");
    }
    client.close().await;
    service.stop().await;
    nested.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_the_handler_of_a_shadow_asks_others_is_a_shadow_too() -> TestResult {
    let system = System::new();
    let told = async |Shadow(shadow): Shadow| shadow.to_string();
    let asking = async |Shadow(shadow): Shadow, State(client): State<Client>| {
        let request = Request::get("http://orders/inner")
            .body(Body::empty())
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let answer = client.oneshot(request).await;
        let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let inner = to_bytes(answer.into_body(), 64).await;
        let inner = inner.map_err(|_| StatusCode::BAD_GATEWAY)?;
        Ok::<_, StatusCode>(format!("{shadow} {}", String::from_utf8_lossy(&inner)))
    };
    let nested = system.client("orders").await?;
    let app = Router::new()
        .route("/outer", get(asking))
        .route("/inner", get(told))
        .with_state(nested.clone());
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    for (shadow, seen) in [(true, "true true"), (false, "false false")] {
        let mut options = Options::default();
        options.shadow = shadow;
        let request = Request::get("http://orders/outer").extension(options);
        let answer = client.clone().oneshot(request.body(Body::empty())?).await?;
        assert_eq!(to_bytes(answer.into_body(), 64).await?, seen);
    }
    client.close().await;
    service.stop().await;
    nested.close().await;
    Ok(())
}
