//! The extractor `Tx` where there is no transaction.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, StatusCode};
use ipc_core::dispatch::Idempotency;
use ipc_core::extract::Tx;
use ipc_core::store::MemoryStore;
use tower::ServiceExt as _;

use super::dedup::{Deduped, request};
use super::system::TestResult;

fn app() -> Router {
    Router::new()
        .route("/work", post(async |_: Tx| "in a transaction"))
        .route(
            "/option",
            post(async |tx: Option<Tx>| tx.is_some().to_string()),
        )
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lends_no_transaction_is_named_as_the_fault() -> TestResult {
    let store = MemoryStore::new(10);
    let orders = Deduped::with(app(), Idempotency::Optional, store).await?;
    let answer = orders.call(request("k", "tea")?).await?;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.problem()?, "no-transaction");
    let mut keyless = request("k", "tea")?;
    keyless.headers_mut().remove("idempotency-key");
    let answer = orders.call(keyless).await?;
    assert_eq!(answer.problem()?, "idempotency-key-missing");
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_option_of_it_is_none_and_over_http_it_is_a_problem() -> TestResult {
    for (path, status) in [("/work", 500), ("/option", 200)] {
        let request = Request::post(path).body(Body::empty())?;
        let response = app().oneshot(request).await?;
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    Ok(())
}
