//! What becomes of what a handler writes through its transaction.

use std::{future::pending, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use harness::{Database, Log, Raw, eventually, within};
use ipc_core::{
    extract::Tx,
    store::postgres::sqlx::{self, Connection as _, Executor as _},
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Orders, Runs, request, write};

/// Writes, and then does what its request says the first time it runs; later it answers well.
async fn handler(State(runs): State<Runs>, mut tx: Tx, body: String) -> Response {
    let run = runs.one_more();
    if let Err(status) = write(&mut tx, &body).await {
        return status.into_response();
    }
    match &*body {
        "refuse" => StatusCode::CONFLICT.into_response(),
        "fail" if run == 1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "wait" if run == 1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "panic" if run == 1 => panic!("the first run panics"),
        "hang" if run == 1 => pending().await,
        _ => format!("run {run}").into_response(),
    }
}

fn app() -> (Router, Runs) {
    let runs = Runs::default();
    let app = Router::new()
        .route("/work", post(handler))
        .with_state(runs.clone());
    (app, runs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_answer_commits_what_was_written_and_is_stored_with_it() -> Result<()> {
    let database = Database::create().await?;
    let (app, runs) = app();
    let orders = Orders::start(&database, app).await?;
    let first = orders.call("k", "tea").await?;
    assert_eq!((first.status, &*first.body), (StatusCode::OK, "run 1"));
    assert_eq!(database.effects().await?, [("tea".to_owned(), 1)].into());
    let again = orders.call("k", "tea").await?;
    assert!(again.is_replayed());
    assert_eq!(again.body, first.body);
    let other = orders.call("k", "coffee").await?;
    other.is_problem(422, "idempotency-key-reused");
    assert_eq!(runs.count(), 1);
    assert_eq!(database.effects().await?, [("tea".to_owned(), 1)].into());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_undoes_what_was_written_and_is_stored() -> Result<()> {
    let database = Database::create().await?;
    let (app, runs) = app();
    let orders = Orders::start(&database, app).await?;
    for is_replayed in [false, true] {
        let answer = orders.call("k", "refuse").await?;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.is_replayed(), is_replayed);
    }
    assert_eq!(runs.count(), 1);
    assert_eq!(database.effects().await?, [].into());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_undoes_all_of_it_and_the_next_request_is_the_first() -> Result<()> {
    let database = Database::create().await?;
    for (body, status) in [("fail", 500), ("wait", 503), ("panic", 500), ("hang", 504)] {
        let (app, runs) = app();
        let orders = Orders::with(&database, app, Duration::from_secs(3)).await?;
        let failed = orders.call(body, body).await?;
        assert_eq!(failed.status.as_u16(), status, "{body}");
        assert_eq!(database.effects().await?.get(body), None, "{body}");
        let answer = orders.call(body, body).await?;
        assert_eq!(answer.body, "run 2", "{body}");
        assert!(!answer.is_replayed(), "{body}");
        assert_eq!(runs.count(), 2, "{body}");
        assert_eq!(database.effects().await?.get(body), Some(&1), "{body}");
        orders.end().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_undoes_what_was_written() -> Result<()> {
    let database = Database::create().await?;
    let written = Arc::new(Notify::new());
    let work = async |State(written): State<Arc<Notify>>, mut tx: Tx, body: String| {
        write(&mut tx, &body).await?;
        if body == "doomed" {
            written.notify_one();
            pending::<()>().await;
        }
        Ok::<_, StatusCode>(())
    };
    let app = Router::new()
        .route("/work", post(work))
        .with_state(Arc::clone(&written));
    let orders = Orders::start(&database, app).await?;
    tokio::select! {
        answer = orders.call("k", "doomed") => panic!("answered: {answer:?}"),
        written = within("the effect", written.notified()) => written?,
    }
    // The same key with another body: no claim is left of the first, nor its effect.
    let answer = orders.call("k", "tea").await?;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(database.effects().await?, [("tea".to_owned(), 1)].into());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_way_that_comes_again_has_its_effect_once() -> Result<()> {
    let database = Database::create().await?;
    let (app, runs) = app();
    let orders = Orders::start(&database, app).await?;
    let log = Log::of(orders.stage.bootstrap())?;
    for _ in 0..3 {
        let sent = Raw::post("/work", "tea")
            .header("idempotency-key", "k")
            .on(0);
        log.write(&orders.stage.requests(), sent).await?;
    }
    eventually("all are done", async || {
        let committed = log
            .committed(orders.stage.name(), &orders.stage.requests())
            .await?;
        Ok(committed[0] == 3)
    })
    .await?;
    assert_eq!(runs.count(), 1);
    assert_eq!(database.effects().await?, [("tea".to_owned(), 1)].into());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_spoils_its_transaction_is_told_so_and_stores_nothing() -> Result<()> {
    type Kept = Arc<Mutex<Vec<Tx>>>;
    let database = Database::create().await?;
    database
        .run(
            "CREATE TABLE settled (work text NOT NULL);
             ALTER TABLE settled ADD CONSTRAINT once UNIQUE (work) DEFERRABLE INITIALLY DEFERRED;
             INSERT INTO settled VALUES ('settle')",
        )
        .await?;
    let runs = Runs::default();
    let kept = Kept::default();
    let work = async |State((runs, kept)): State<(Runs, Kept)>, mut tx: Tx, body: String| {
        runs.one_more();
        write(&mut tx, &body).await?;
        let sql = match &*body {
            "fail in silence" => "SELECT 1 / 0",
            "roll back" => "ROLLBACK",
            "begin anew" => "ROLLBACK; BEGIN",
            "settle" => "INSERT INTO settled VALUES ('settle')",
            _ => "SELECT 1",
        };
        let ran = tx.execute(sqlx::raw_sql(sql)).await;
        assert_eq!(ran.is_err(), body == "fail in silence", "{ran:?}");
        if body == "keep" {
            kept.lock().push(tx);
        }
        Ok::<_, StatusCode>("all is well")
    };
    let app = Router::new()
        .route("/work", post(work))
        .with_state((runs.clone(), Arc::clone(&kept)));
    let orders = Orders::start(&database, app).await?;
    let spoiling = [
        "fail in silence",
        "roll back",
        "begin anew",
        "settle",
        "keep",
    ];
    for body in spoiling {
        let answer = orders.call(body, body).await?;
        answer.is_problem(500, "undone");
    }
    assert_eq!(runs.count(), spoiling.len(), "something ran again");
    kept.lock().clear();
    // Nothing is stored, so that another request may have each key, and nothing was committed.
    for key in spoiling {
        let answer = orders.call(key, "do well").await?;
        assert_eq!(answer.status, StatusCode::OK, "{key}");
    }
    let well = i64::try_from(spoiling.len())?;
    assert_eq!(
        database.effects().await?,
        [("do well".to_owned(), well)].into()
    );
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handler_begins_within_its_transaction_is_a_part_of_it() -> Result<()> {
    let database = Database::create().await?;
    let work = async |mut tx: Tx, body: String| {
        let mut dropped = tx.begin().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        write(&mut dropped, "dropped").await?;
        drop(dropped);
        let mut part = tx.begin().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        write(&mut part, &body).await?;
        part.commit().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        match &*body {
            "refuse" => Err(StatusCode::CONFLICT),
            _ => Ok(()),
        }
    };
    let app = Router::new().route("/work", post(work));
    let orders = Orders::start(&database, app).await?;
    assert_eq!(
        orders.call("a", "refuse").await?.status,
        StatusCode::CONFLICT
    );
    assert_eq!(orders.call("b", "tea").await?.status, StatusCode::OK);
    assert_eq!(database.effects().await?, [("tea".to_owned(), 1)].into());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_cannot_be_had_is_a_problem_and_no_panic() -> Result<()> {
    let database = Database::create().await?;
    let twice = async |_: Tx, _: Tx| {};
    let app = Router::new().route("/work", post(twice));
    let orders = Orders::start(&database, app).await?;
    let answer = orders.call("k", "tea").await?;
    answer.is_problem(500, "transaction-taken");
    let mut keyless = request(&orders.stage, "k", "tea")?;
    keyless
        .headers_mut()
        .remove("idempotency-key")
        .context("no key")?;
    let answer = super::call(&orders.client, keyless).await?;
    answer.is_problem(400, "idempotency-key-missing");
    orders.end().await;
    Ok(())
}
