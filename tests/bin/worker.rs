//! A service for the tests that end its process: what it does stands in a topic of effects.

use std::future::pending;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{Log, Raw};
use ipc_core::{
    service::{Service, shutdown_signal},
    transport::kafka::KafkaConfig,
};

#[derive(Clone)]
struct Effects {
    log: Log,
    topic: String,
    name: String,
    hold: bool,
}

impl Effects {
    async fn write(&self, what: &str, work: &str) -> Result<(), StatusCode> {
        let effect = format!("{what} {} {work}", self.name);
        let written = self.log.write(&self.topic, Raw::new(effect)).await;
        written
            .map(drop)
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }
}

async fn work(State(effects): State<Effects>, work: String) -> Result<String, StatusCode> {
    effects.write("begun", &work).await?;
    if effects.hold {
        return pending().await;
    }
    effects.write("done", &work).await?;
    Ok(work)
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
    let topic = next("argument 3: the topic of effects")?;
    let name = next("argument 4: the instance's name")?;
    let hold = next("argument 5: hold or work")? == "hold";
    let effects = Effects {
        log: Log::of(&bootstrap)?,
        topic,
        name,
        hold,
    };
    let app = Router::new().route("/work", post(work)).with_state(effects);
    // Caught before the first signal can come.
    let signal = tokio::task::JoinSet::from_iter([shutdown_signal()]);
    Service::builder(service)
        .kafka(KafkaConfig::new(bootstrap))
        .create_topics(4)
        .on_ready(async || writeln!(std::io::stdout(), "serving"))
        .serve(app)
        .with_graceful_shutdown(async move {
            signal.join_all().await;
        })
        .await?;
    Ok(())
}
