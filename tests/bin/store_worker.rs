//! A service on a dedup store for the tests that end its process at a seam: what it does stands in the database's
//! table of effects.

mod seam;

use std::time::Duration;

use anyhow::{Result, bail};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::Arguments;
use ipc_core::{
    dispatch::{Idempotency, Policy},
    extract::Tx,
    service::Service,
    store::{
        Dedup, KafkaStore, PostgresStore, RedisStore,
        postgres::sqlx::{self, postgres::PgPool},
    },
    transport::kafka::KafkaConfig,
};

use self::seam::{Held, Seam};

/// Longer than a test takes to end the process; what a claim holds for, but for the margin.
const TIMEOUT: Duration = Duration::from_secs(8);
const MARGIN: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Handlers {
    database: PgPool,
    seam: Seam,
}

async fn work(
    State(handlers): State<Handlers>,
    tx: Option<Tx>,
    work: String,
) -> Result<String, StatusCode> {
    handlers.seam.reached(Seam::BeforeEffect, &work).await;
    let effect = sqlx::query("INSERT INTO effects (work) VALUES ($1)").bind(&work);
    let written = match tx {
        Some(mut tx) => effect.execute(&mut *tx).await,
        None => effect.execute(&handlers.database).await,
    };
    written.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    handlers.seam.reached(Seam::AfterEffect, &work).await;
    Ok(work)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = Arguments::of_this_process();
    let bootstrap = arguments.next("bootstrap servers")?;
    let service = arguments.next("the service's name")?;
    let database = PgPool::connect(&arguments.next("the address of the database")?).await?;
    let store = arguments.next("postgres, kafka, or the address of a redis")?;
    let seam = arguments
        .next("the seam to stand still at, or none")?
        .parse()?;
    let dedup = match &*store {
        "postgres" => Dedup::new(Held::at(seam, PostgresStore::new(database.clone()))),
        "kafka" => Dedup::new(Held::at(seam, KafkaStore::new())),
        redis if redis.starts_with("redis://") => Dedup::new(Held::at(
            seam,
            RedisStore::new(redis).answer_within(TIMEOUT),
        )),
        other => bail!("no store: {other}"),
    };
    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Required;
    policy.timeout = TIMEOUT;
    let app = Router::new()
        .route("/work", post(work))
        .with_state(Handlers { database, seam });
    let service = Service::builder(service)
        .kafka(KafkaConfig::new(bootstrap))
        .create_topics(1)
        .default_policy(policy)
        .dedup(dedup.lease_margin(MARGIN));
    harness::serve(service, app).await
}
