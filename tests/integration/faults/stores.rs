//! Dedup stores that are killed, held up, emptied and restarted under a service that is called and sent to.

use std::{collections::HashSet, time::Duration};

use anyhow::{Result, ensure};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{Database, PrivatePostgres, PrivateRedis, Stage};
use ipc_core::{
    client::Client,
    dispatch::{Idempotency, Policy},
    extract::{Offset, Partition, Tx},
    service::Service,
    store::{Dedup, RedisStore, postgres::sqlx},
    testing::model::{End, History, Promise, What},
};
use tokio::time::interval;

use super::{Chronicle, Handlers, Load, PARTITIONS, load};

/// Every write is on disk before it is answered.
const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// A store that has not answered by then is away.
const ANSWER: Duration = Duration::from_secs(1);
/// So many operations have ended badly before a store that is away comes back.
const FAILURES: usize = 8;

/// An instance on a store, and those who call it.
struct Scene {
    stage: Stage,
    chronicle: Chronicle,
    service: Service,
    client: Client,
    load: Load,
}

impl Scene {
    /// Returns when everybody is served.
    async fn set(dedup: impl Into<Dedup>, app: impl FnOnce(Handlers) -> Router) -> Result<Self> {
        let stage = Stage::new("store");
        let chronicle = Chronicle::begin();
        let mut policy = Policy::new("POST /work");
        policy.idempotency = Idempotency::Required;
        let app = app(Handlers {
            instance: 1,
            chronicle: chronicle.clone(),
        });
        let service = stage
            .service(PARTITIONS)
            .default_policy(policy)
            .dedup(dedup);
        let service = service.serve(app).start().await?;
        let client = stage.client().await?;
        let load = Load::with_idempotency_keys(&stage, &client, &chronicle);
        let scene = Self {
            stage,
            chronicle,
            service,
            client,
            load,
        };
        scene.everybody_is_served().await?;
        Ok(scene)
    }

    async fn everybody_is_served(&self) -> Result<()> {
        self.chronicle.goes_on(Load::CALLERS).await
    }

    async fn callers_notice(&self) -> Result<()> {
        self.chronicle.fails(FAILURES).await
    }

    /// Waits until everybody is served, ends the load, and asks what must hold, but for one promise.
    async fn judge(self, exempt: impl Into<Option<Promise>>) -> Result<History> {
        self.everybody_is_served().await?;
        self.load.finish().await?;
        let history = self.chronicle.judge_but_for(exempt, &self.stage).await?;
        self.client.close().await;
        self.service.stop().await;
        Ok(history)
    }
}

fn redis_store(redis: &PrivateRedis) -> RedisStore {
    RedisStore::new(&redis.url()).answer_within(ANSWER)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_while_redis_is_killed_slow_and_held_up() -> Result<()> {
    let redis = PrivateRedis::start(DURABLE).await?;
    let scene = Scene::set(redis_store(&redis), load::app).await?;
    redis.kill().await?;
    scene.callers_notice().await?;
    redis.start_again().await?;
    scene.everybody_is_served().await?;

    // slow, and still in time
    let mut pauses = interval(ANSWER / 2);
    for _ in 0..10 {
        pauses.tick().await;
        redis.command("CLIENT PAUSE 300 WRITE").await?;
    }
    scene.everybody_is_served().await?;

    redis.command("CLIENT PAUSE 3600000 WRITE").await?;
    scene.callers_notice().await?;
    redis.command("CLIENT UNPAUSE").await?;
    scene.judge(None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_but_the_suppression_of_duplicates_holds_when_redis_is_emptied() -> Result<()> {
    let redis = PrivateRedis::start(&[]).await?;
    let scene = Scene::set(redis_store(&redis), load::app).await?;
    for _ in 0..5 {
        redis.command("FLUSHALL").await?;
        scene.everybody_is_served().await?;
    }
    scene.judge(Promise::OneEffect).await?;
    Ok(())
}

/// Does the work whose number it is given in the transaction of the inbox.
async fn work(
    State(handlers): State<Handlers>,
    mut tx: Tx,
    from: Partition,
    Offset(offset): Offset,
    body: String,
) -> Result<String, StatusCode> {
    let work = body.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let written = sqlx::query("INSERT INTO effects (work) VALUES ($1)")
        .bind(&body)
        .execute(&mut *tx)
        .await;
    written.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    handlers.chronicle.note(What::Effect {
        instance: handlers.instance,
        work,
        partition: from.0.partition,
        offset,
    });
    Ok(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_effect_for_each_request_while_postgres_is_restarted() -> Result<()> {
    let postgres = PrivatePostgres::start().await?;
    let database = Database::at(postgres.url()).await?;
    let app = |handlers| {
        Router::new()
            .route("/work", post(work))
            .with_state(handlers)
    };
    let scene = Scene::set(database.store().await?, app).await?;
    for _ in 0..2 {
        postgres.crash().await?;
        scene.callers_notice().await?;
        postgres.start_again().await?;
        scene.everybody_is_served().await?;
    }
    // What a handler did may have been undone: the table tells which effects there are.
    let history = scene.judge(Promise::OneEffect).await?;
    let effects = database.effects().await?;
    let twice: Vec<_> = effects.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "done again: {twice:?}");
    let mut kept: HashSet<u32> = letters(&history).collect();
    for work in effects.keys() {
        kept.insert(work.parse()?);
    }
    for event in &history.events {
        let What::Ended { operation, end } = &event.what else {
            continue;
        };
        let work = history.operations[*operation as usize].work;
        let is_kept = match end {
            End::Reply { .. } => effects.contains_key(&work.to_string()),
            End::Acknowledged => kept.contains(&work),
            _ => true,
        };
        ensure!(is_kept, "work {work} was not done, and ended with {end:?}");
    }
    Ok(())
}

/// The work of every dead letter.
fn letters(history: &History) -> impl Iterator<Item = u32> {
    history.events.iter().filter_map(|event| match &event.what {
        What::DeadLetter { work, .. } => *work,
        _ => None,
    })
}
