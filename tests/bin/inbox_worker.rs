//! A service on an inbox for the tests that end its process: what it does stands in the database's table of effects.

use std::{
    future::pending,
    io::{self, Write as _},
};

use anyhow::{Context as _, Result};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use ipc_core::{
    dispatch::{Idempotency, Policy},
    extract::Tx,
    service::{Service, shutdown_signal},
    store::{
        PostgresStore,
        postgres::sqlx::{self, postgres::PgPool},
    },
    transport::kafka::KafkaConfig,
};

/// Whether handlers stop before they answer.
#[derive(Clone, Copy)]
struct Hold(bool);

async fn work(
    State(Hold(hold)): State<Hold>,
    mut tx: Tx,
    work: String,
) -> Result<String, StatusCode> {
    sqlx::query("INSERT INTO effects (work) VALUES ($1)")
        .bind(&work)
        .execute(&mut *tx)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    // whoever listened may have heard enough
    let _ = say(&format!("written {work}"));
    if hold {
        return pending().await;
    }
    Ok(work)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().context(what);
    let bootstrap = next("argument 1: bootstrap servers")?;
    let service = next("argument 2: the service's name")?;
    let database = next("argument 3: the address of the database")?;
    let hold = next("argument 4: hold or work")? == "hold";

    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Required;
    let app = Router::new()
        .route("/work", post(work))
        .with_state(Hold(hold));
    // Caught before the first signal can come.
    let signal = tokio::task::JoinSet::from_iter([shutdown_signal()]);
    Service::builder(service)
        .kafka(KafkaConfig::new(bootstrap))
        .create_topics(1)
        .default_policy(policy)
        .dedup(PostgresStore::new(PgPool::connect(&database).await?))
        .on_ready(async || say("serving"))
        .serve(app)
        .with_graceful_shutdown(async move {
            signal.join_all().await;
        })
        .await?;
    Ok(())
}
