//! The four ways a call can end: a reply, an application error, rejected (nothing
//! was sent) and unknown (it may have been worked on).
//!
//! Run with: `cargo run --example caller`
//!
//! You see:
//!
//! ```text
//! 6 / 3: reply 2
//! 1 / 0: application error 422
//! 6 / 3 without time: rejected, nothing was sent
//! 6 / 2 with a slow service: unknown, it may have been worked on
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::time::Duration;

use axum::http::StatusCode;
use ipc_core::client::CallError;
use ipc_core::prelude::*;
use ipc_examples::kafka;

#[endpoint(GET "/divide/{a}/{b}")]
async fn divide(Path((a, b)): Path<(u32, u32)>) -> Result<Json<u32>, StatusCode> {
    if b == 2 {
        // never answers: who waits has a deadline
        std::future::pending::<()>().await;
    }
    let quotient = a.checked_div(b).ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    Ok(Json(quotient))
}

/// What a caller does with each end; only `Unknown` needs thought.
fn tell<E>(end: Result<u32, CallError<E>>) -> String {
    match end {
        Ok(quotient) => format!("reply {quotient}"),
        Err(CallError::Application(reply)) if reply.status() == 504 => {
            "unknown, it may have been worked on".to_owned()
        }
        Err(CallError::Application(reply)) => format!("application error {}", reply.status()),
        Err(CallError::Rejected(_)) => "rejected, nothing was sent".to_owned(),
        Err(CallError::Unknown(_)) => "unknown, it may have been worked on".to_owned(),
        Err(other) => format!("the reply is not what the contract says: {other}"),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let service = Service::builder("maths")
        .create_topics(3)
        .kafka(kafka.clone());
    let app: App = App::new().endpoints(endpoints![divide])?;
    let service = service.serve(app).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;
    let maths = client.service("maths");

    let end = maths.call(divide::request(6, 3)).await;
    println!("6 / 3: {}", tell(end));
    let end = maths.call(divide::request(1, 0)).await;
    println!("1 / 0: {}", tell(end));
    let end = maths
        .call(divide::request(6, 3))
        .timeout(Duration::ZERO)
        .await;
    println!("6 / 3 without time: {}", tell(end));
    let end = maths
        .call(divide::request(6, 2))
        .timeout(Duration::from_millis(300))
        .await;
    println!("6 / 2 with a slow service: {}", tell(end));

    client.close().await;
    service.stop().await;
    Ok(())
}
