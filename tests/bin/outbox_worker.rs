//! A relay for the tests that end or stop its process.

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use ipc_core::{
    outbox::Outbox,
    service::shutdown_signal,
    store::postgres::sqlx::postgres::PgPool,
    transport::kafka::{KafkaConfig, KafkaTransport},
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().context(what);
    let bootstrap = next("argument 1: bootstrap servers")?;
    let database = next("argument 2: the address of the database")?;
    let lease = Duration::from_millis(next("argument 3: the lease, in milliseconds")?.parse()?);

    // Caught before the first signal can come.
    let signal = tokio::task::JoinSet::from_iter([shutdown_signal()]);
    let transport = KafkaTransport::connect(KafkaConfig::new(bootstrap)).await?;
    let outbox = Outbox::new(PgPool::connect(&database).await?).lease(lease);
    outbox.check().await?;
    writeln!(io::stdout(), "serving")?;
    let stop = async move {
        signal.join_all().await;
    };
    outbox.relay(Arc::new(transport)).run(stop).await;
    Ok(())
}
