//! The outbox in Postgres: what is committed reaches the log at least once, in the order of its key.

mod faults;
mod order;
mod refusals;
mod relays;
mod transaction;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use harness::{Database, Log, Topic, Written};
use ipc_core::{
    metrics::Metrics,
    outbox::{Message, Outbox},
    store::postgres::sqlx::{self, postgres::PgPool},
    transport::kafka::{KafkaConfig, KafkaTransport},
};
use tokio::{sync::oneshot, task::JoinSet};

/// Partitions of the topics that messages are sent to.
const PARTITIONS: i32 = 3;
/// A lease that tests need not wait for longer than this.
const LEASE: Duration = Duration::from_secs(2);

/// An outbox, and a topic for its messages.
struct Desk {
    database: Database,
    pool: PgPool,
    bootstrap: String,
    topic: String,
    log: Log,
}

impl Desk {
    async fn new() -> Result<Self> {
        Self::at(Database::create().await?, &harness::bootstrap()).await
    }

    async fn at(database: Database, bootstrap: &str) -> Result<Self> {
        let pool = database.pool_of(16).await?;
        Outbox::new(pool.clone()).migrate().await?;
        sqlx::raw_sql("CREATE TABLE counters (key text PRIMARY KEY, n bigint NOT NULL)")
            .execute(&pool)
            .await?;
        let topic = Topic::create(bootstrap, "outbox", PARTITIONS).await?;
        Ok(Self {
            database,
            pool,
            bootstrap: bootstrap.to_owned(),
            topic: topic.name().to_owned(),
            log: Log::of(bootstrap)?,
        })
    }

    fn outbox(&self) -> Outbox {
        Outbox::new(self.pool.clone()).lease(LEASE)
    }

    async fn relay(&self) -> Result<Running> {
        Running::start(self.outbox(), &self.bootstrap).await
    }

    /// Commits the next message of this key, whose payload is its number.
    async fn commit(&self, key: &str) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let n = count(&mut transaction, key).await?;
        let message = Message::record(&*self.topic).key(key.to_owned());
        Outbox::send(&mut transaction, message.payload(n.to_string())).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Reads the topic until it has this many messages of each key, told apart by their idempotency keys. Checks
    /// that those of a key came in order at first, and answers how often each key's were repeated.
    async fn arrived(&self, expected: &BTreeMap<String, usize>) -> Result<BTreeMap<String, usize>> {
        let most: usize = expected.values().sum();
        let all = self
            .log
            .read(&self.topic, |seen| ids(seen).len() >= most)
            .await?;
        firsts(&all, expected)
    }

    /// The same of all that the topic holds now.
    async fn repeated(
        &self,
        expected: &BTreeMap<String, usize>,
    ) -> Result<BTreeMap<String, usize>> {
        firsts(&self.log.all(&self.topic).await?, expected)
    }

    async fn waiting(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM ipc_outbox")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Whether a relay has the lease, and which.
    async fn leader(&self) -> Result<Option<i64>> {
        let term = "SELECT term FROM ipc_outbox_lease WHERE until > clock_timestamp()";
        Ok(sqlx::query_scalar(term).fetch_optional(&self.pool).await?)
    }
}

/// Counts a key on, as it is in the order of the commits: the row is locked until then.
async fn count(connection: &mut sqlx::PgConnection, key: &str) -> Result<i64> {
    let next = "INSERT INTO counters (key, n) VALUES ($1, 1)
                ON CONFLICT (key) DO UPDATE SET n = counters.n + 1 RETURNING n";
    Ok(sqlx::query_scalar(next)
        .bind(key)
        .fetch_one(connection)
        .await?)
}

fn id(record: &Written) -> Option<&str> {
    record.text("idempotency-key")
}

fn ids(records: &[Written]) -> BTreeSet<&str> {
    records.iter().filter_map(id).collect()
}

fn firsts(
    records: &[Written],
    expected: &BTreeMap<String, usize>,
) -> Result<BTreeMap<String, usize>> {
    let mut first: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut repeated = BTreeMap::new();
    for record in records {
        let key = String::from_utf8(record.key.clone().context("no key")?)?;
        let id = id(record).context("no idempotency key")?.to_owned();
        let payload = String::from_utf8(record.payload.clone())?;
        let seen = first.entry(key.clone()).or_default();
        match seen.iter().find(|(known, _)| *known == id) {
            None => seen.push((id, payload)),
            Some((_, same)) => {
                assert_eq!(*same, payload, "one id, two messages");
                *repeated.entry(key).or_default() += 1;
            }
        }
    }
    for (key, count) in expected {
        let seen = first.get(key).map(Vec::as_slice).unwrap_or_default();
        let seen: Vec<&str> = seen.iter().map(|(_, payload)| payload.as_str()).collect();
        let order: Vec<String> = (1..=*count).map(|n| n.to_string()).collect();
        assert_eq!(seen, order, "key {key}");
    }
    Ok(repeated)
}

/// So many of each key.
fn of_each<'a>(keys: impl IntoIterator<Item = &'a str>, count: usize) -> BTreeMap<String, usize> {
    keys.into_iter()
        .map(|key| (key.to_owned(), count))
        .collect()
}

/// A relay in this process.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinSet<()>,
    metrics: Metrics,
}

impl Running {
    async fn start(outbox: Outbox, bootstrap: &str) -> Result<Self> {
        let transport = KafkaTransport::connect(KafkaConfig::new(bootstrap)).await?;
        let metrics = Metrics::new();
        let relay = outbox.relay(Arc::new(transport)).metrics(metrics.clone());
        let (stop, stopped) = oneshot::channel();
        let run = relay.run(async {
            // Dropped, it says the same.
            let _ = stopped.await;
        });
        Ok(Self {
            stop,
            task: JoinSet::from_iter([run]),
            metrics,
        })
    }

    async fn end(self) {
        drop(self.stop);
        self.task.join_all().await;
    }
}
