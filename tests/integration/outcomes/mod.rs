//! What becomes of a record: the rows of the outcome table, as the log shows them.

mod calls;
mod one_ways;

use std::sync::Arc;

use anyhow::Result;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{any, post},
};
use harness::Stage;
use ipc_core::service::Service;
use parking_lot::Mutex;

/// The handlers that ran, by name.
type Ran = Arc<Mutex<Vec<String>>>;

async fn panics() -> StatusCode {
    panic!("a panic that a test asks for")
}

fn app(ran: &Ran) -> Router {
    let note = async |State(ran): State<Ran>, body: String| ran.lock().push(body);
    Router::new()
        .route("/note", post(note))
        .route("/panic", post(panics))
        .route("/teapot", any(|| async { StatusCode::IM_A_TEAPOT }))
        .route("/broken", any(|| async { StatusCode::BAD_GATEWAY }))
        .route("/nothing", any(|| async { StatusCode::NOT_FOUND }))
        .route("/json", post(|Json(_): Json<[u32; 3]>| async {}))
        .with_state(Arc::clone(ran))
}

async fn serve(stage: &Stage, app: Router) -> Result<Service> {
    Ok(stage.service(2).serve(app).start().await?)
}
