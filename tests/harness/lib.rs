//! What the integration tests share: the address of the broker they run against, topics of their own, and
//! brokers of their own; databases; a service with its callers, in this process or another; and the log as it is.

mod commit_proxy;
mod commits;
mod database;
mod eventually;
mod hostile;
mod kafka_proxy;
mod log;
mod metric;
mod private_broker;
mod private_redis;
mod process;
mod quorum;
mod record;
mod secured_broker;
mod stage;
mod three_brokers;
mod topic;
mod worker;

use std::env;

use xtask::postgres::Postgres;
use xtask::redis::Redis;

pub use self::{
    commit_proxy::CommitProxy,
    commits::Commit,
    database::{Database, PrivatePostgres},
    eventually::{PATIENCE, eventually, eventually_within, within},
    hostile::write_with_header_named,
    kafka_proxy::{KafkaProxy, Lost},
    log::Log,
    metric::metric,
    private_broker::PrivateBroker,
    private_redis::PrivateRedis,
    process::{Arguments, say, serve},
    record::{Raw, Written},
    secured_broker::{ADMIN, NOBODY, SecuredBroker, User, unknown_authority},
    stage::{Stage, call, keyed},
    three_brokers::ThreeBrokers,
    topic::Topic,
    worker::Worker,
};

/// The `bootstrap.servers` of the Kafka that all tests share. It keeps running while they do: a test that must
/// stop a broker starts a [`PrivateBroker`].
///
/// # Panics
///
/// When there is none, because nobody has started one: a test that needs a Kafka fails without it.
#[must_use]
pub fn bootstrap() -> String {
    env::var("IPC_TEST_BOOTSTRAP").unwrap_or_else(|_| {
        panic!("IPC_TEST_BOOTSTRAP is not set: run the tests with `cargo xtask test`, which starts a Kafka for them")
    })
}

/// The address of the Postgres that all tests share, where each has a [`Database`] of its own. A test that must end
/// one starts a [`PrivatePostgres`].
///
/// # Panics
///
/// When there is none, because nobody has started one: a test that needs a Postgres fails without it.
#[must_use]
pub fn postgres() -> String {
    env::var(Postgres::VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{} is not set: run the tests with `cargo xtask test`, which starts a Postgres for them",
            Postgres::VARIABLE
        )
    })
}

/// The address of the Redis that all tests share. It keeps running while they do, and what they put there stays: a
/// test that must kill one starts a [`PrivateRedis`].
///
/// # Panics
///
/// When there is none, because nobody has started one: a test that needs a Redis fails without it.
#[must_use]
pub fn redis() -> String {
    env::var(Redis::VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{} is not set: run the tests with `cargo xtask test`, which starts a Redis for them",
            Redis::VARIABLE
        )
    })
}
