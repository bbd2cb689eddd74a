//! The stores that are servers of their own, as `cargo xtask bench` starts them.

use std::env;

use anyhow::{Context as _, Result};
use ipc_core::store::postgres::sqlx::postgres::PgPoolOptions;
use ipc_core::store::{PostgresStore, RedisStore};

/// Where their addresses stand.
const REDIS: &str = "IPC_TEST_REDIS";
const POSTGRES: &str = "IPC_TEST_POSTGRES";
/// A claim holds a connection.
const CONNECTIONS: u32 = 64;

fn address(variable: &'static str) -> Result<String> {
    env::var(variable).with_context(|| {
        format!("{variable} is not set: `cargo xtask bench` starts what it is the address of")
    })
}

pub(super) fn redis() -> Result<RedisStore> {
    Ok(RedisStore::new(&address(REDIS)?))
}

pub(super) async fn postgres() -> Result<PostgresStore> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect(&address(POSTGRES)?)
        .await?;
    let store = PostgresStore::new(pool);
    store.migrate().await?;
    Ok(store)
}
