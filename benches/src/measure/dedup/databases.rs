//! The stores that are servers of their own, as `cargo xtask bench` starts them.

use std::env;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use ipc_core::store::postgres::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use ipc_core::store::{DedupStore, PostgresStore, RedisStore};

use super::relay::{Reading, Relay};
use super::statements::Statements;

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
    postgres_at(address(POSTGRES)?.parse()?, CONNECTIONS).await
}

async fn postgres_at(options: PgConnectOptions, connections: u32) -> Result<PostgresStore> {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(options)
        .await?;
    let store = PostgresStore::new(pool);
    store.migrate().await?;
    Ok(store)
}

/// The same Redis, through a relay that counts.
pub(super) async fn counted_redis() -> Result<(Box<dyn DedupStore>, Relay)> {
    let address = address(REDIS)?;
    let Some(server) = address.strip_prefix("redis://") else {
        bail!("{REDIS} is not redis://host:port");
    };
    let relay = relay(server, || None).await?;
    let store = RedisStore::new(&format!("redis://{}", relay.address));
    Ok((Box::new(store), relay))
}

/// The same Postgres over one connection, through a relay that counts.
pub(super) async fn counted_postgres() -> Result<(Box<dyn DedupStore>, Relay)> {
    let options: PgConnectOptions = address(POSTGRES)?.parse()?;
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let relay = relay(&server, || Some(Statements::default())).await?;
    let (host, port) = (relay.address.ip().to_string(), relay.address.port());
    let store = postgres_at(options.host(&host).port(port), 1).await?;
    Ok((Box::new(store), relay))
}

async fn relay(server: &str, reading: Reading) -> Result<Relay> {
    let server: SocketAddr = server.parse().context("not an address of this machine")?;
    Relay::to(server, reading).await
}
