//! What keeps a service from starting, each with what mends it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use harness::Database;
use ipc_core::store::{
    DedupStore, Needs, PostgresStore,
    postgres::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::{net::TcpListener, task::JoinSet};

/// The one fault that is found.
async fn fault(pool: PgPool) -> Result<String> {
    let needs = Needs::new("orders", Duration::from_secs(60), Duration::from_secs(60));
    let checked = PostgresStore::new(pool).check(&needs).await;
    let faults = checked.err().context("no fault")?;
    assert_eq!(faults.len(), 1, "{faults:?}");
    Ok(faults.concat())
}

fn says(fault: &str, parts: &[&str]) {
    for part in parts {
        assert!(fault.contains(part), "{part:?} is not in {fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_its_inbox_is_taken() -> Result<()> {
    let database = Database::create().await?;
    let needs = Needs::new("orders", Duration::from_secs(60), Duration::from_secs(60));
    let checked = database.store().await?.check(&needs).await;
    assert_eq!(checked, Ok(()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_answer_is_named_without_credentials() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    drop(listener);
    let url = format!("postgres://alice:secret@127.0.0.1:{port}/shop");
    let fault = fault(PgPool::connect_lazy(&url)?).await?;
    says(
        &fault,
        &[
            &format!("127.0.0.1:{port}/shop does not answer"),
            "start it",
        ],
    );
    assert!(
        !fault.contains("alice") && !fault.contains("secret"),
        "{fault}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_an_inbox_or_with_one_of_another_version_is_refused() -> Result<()> {
    let empty = Database::empty(&harness::postgres()).await?;
    let missing = fault(empty.pool().await?).await?;
    says(&missing, &["has no inbox", "PostgresStore::migrate()"]);

    let store = empty.store().await?;
    store.migrate().await?;
    empty
        .run("UPDATE ipc_inbox_schema SET version = 99")
        .await?;
    let newer = fault(empty.pool().await?).await?;
    says(&newer, &["version 99, newer than this build's 1"]);
    let refused = store.migrate().await.err().context("migrated")?.to_string();
    says(&refused, &["version 99, newer"]);

    empty.run("UPDATE ipc_inbox_schema SET version = 0").await?;
    let older = fault(empty.pool().await?).await?;
    says(&older, &["has no inbox"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_migrate_at_once_make_one_inbox() -> Result<()> {
    let database = Database::empty(&harness::postgres()).await?;
    let mut migrating = JoinSet::new();
    for _ in 0..4 {
        let store = database.store().await?;
        migrating.spawn(async move { store.migrate().await });
    }
    for migrated in migrating.join_all().await {
        migrated?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_cannot_keep_what_is_promised_are_refused() -> Result<()> {
    let database = Database::create().await?;
    let options: PgConnectOptions = database.url().parse()?;
    let one = PgPoolOptions::new().max_connections(1);
    let single = fault(one.connect_with(options.clone()).await?).await?;
    says(
        &single,
        &["at most 1 connection", "PgPoolOptions::max_connections"],
    );

    let forgetful = options.clone().options([("synchronous_commit", "off")]);
    let forgetful = fault(PgPoolOptions::new().connect_with(forgetful).await?).await?;
    says(&forgetful, &["synchronous_commit = off", "set it on"]);

    database
        .run(
            "DO $$ BEGIN
                 CREATE ROLE ipc_reader;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
             END $$;
             DO $$ BEGIN
                 EXECUTE format('GRANT USAGE ON SCHEMA %I TO ipc_reader', current_schema());
             END $$",
        )
        .await?;
    let reader = options.options([("role", "ipc_reader")]);
    let reader = fault(PgPoolOptions::new().connect_with(reader).await?).await?;
    says(&reader, &["cannot be used", "grant the pool's role"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_for_which_no_connection_comes_free_finds_the_store_away() -> Result<()> {
    let database = Database::create().await?;
    let pool = database.pool().await?;
    let mut held = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        held.push(pool.acquire().await?);
    }
    let store = PostgresStore::new(pool);
    let request = super::claims::request_for("k");
    let error = store.claim(&request).await.err().context("claimed")?;
    says(
        &error.to_string(),
        &["no connection to 127.0.0.1", "max_connections"],
    );
    drop(held);
    store.claim(&request).await?;
    Ok(())
}
