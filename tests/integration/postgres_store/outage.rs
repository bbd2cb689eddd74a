//! A Postgres that goes away, and a commit that nobody knows the end of.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{CommitProxy, Database, PrivatePostgres, within};
use ipc_core::extract::Tx;
use tokio::sync::Notify;

use super::{Orders, Runs, write};

fn once() -> BTreeMap<String, i64> {
    [("tea".to_owned(), 1)].into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_during_which_postgres_crashes_is_done_once_it_is_back() -> Result<()> {
    type Gates = (Runs, Arc<Notify>, Arc<Notify>);
    let postgres = PrivatePostgres::start().await?;
    let database = Database::at(postgres.url()).await?;
    let (runs, written, crashed) = Gates::default();
    let work = async |State((runs, written, crashed)): State<Gates>, mut tx: Tx, body: String| {
        let run = runs.one_more();
        write(&mut tx, &body).await?;
        if run == 1 {
            written.notify_one();
            crashed.notified().await;
        }
        Ok::<_, StatusCode>(format!("run {run}"))
    };
    let gates = (runs.clone(), Arc::clone(&written), Arc::clone(&crashed));
    let app = Router::new().route("/work", post(work)).with_state(gates);
    let orders = Orders::start(&database, app).await?;
    let crash = async {
        within("the effect", written.notified()).await?;
        postgres.crash().await?;
        postgres.start_again().await?;
        crashed.notify_one();
        anyhow::Ok(())
    };
    let (answer, crash) = tokio::join!(orders.call("k", "tea"), crash);
    crash?;
    // The first run could not be stored, and asking again found nothing of it.
    assert_eq!(answer?.body, "run 2");
    assert_eq!(runs.count(), 2);
    assert_eq!(database.effects().await?, once());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_when_the_claim_is_asked_for_again() -> Result<()> {
    let database = Database::create().await?;
    let proxy = CommitProxy::before(database.url()).await?;
    let runs = Runs::default();
    let work = async |State(runs): State<Runs>, mut tx: Tx, body: String| {
        write(&mut tx, &body).await?;
        Ok::<_, StatusCode>(format!("run {}", runs.one_more()))
    };
    let app = Router::new()
        .route("/work", post(work))
        .with_state(runs.clone());
    let orders = Orders::start(&database.through(proxy.port())?, app).await?;
    proxy.keep_next_answer();
    let lose = async {
        proxy.has_answer().await?;
        proxy.break_off();
        anyhow::Ok(())
    };
    let (answer, lost) = tokio::join!(orders.call("k", "tea"), lose);
    lost?;
    let answer = answer?;
    assert_eq!(answer.body, "run 1");
    assert!(answer.is_replayed(), "it comes from the store");
    assert_eq!(runs.count(), 1);
    assert_eq!(database.effects().await?, once());
    orders.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_is_done_again() -> Result<()> {
    let database = Database::create().await?;
    // The first commit ends its own connection.
    database
        .run(
            "CREATE SEQUENCE commits;
             CREATE FUNCTION fail_first() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('commits') = 1 THEN
                     PERFORM pg_terminate_backend(pg_backend_pid());
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER fail_first AFTER INSERT ON effects
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_first()",
        )
        .await?;
    let runs = Runs::default();
    let work = async |State(runs): State<Runs>, mut tx: Tx, body: String| {
        let run = runs.one_more();
        write(&mut tx, &body).await?;
        Ok::<_, StatusCode>(format!("run {run}"))
    };
    let app = Router::new()
        .route("/work", post(work))
        .with_state(runs.clone());
    let orders = Orders::start(&database, app).await?;
    let answer = orders.call("k", "tea").await?;
    assert_eq!(answer.body, "run 2");
    assert!(!answer.is_replayed());
    assert_eq!(database.effects().await?, once());
    orders.end().await;
    Ok(())
}
