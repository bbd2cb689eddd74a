use std::sync::{Arc, Weak};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard},
    task::spawn_blocking,
};
use xtask::broker::{Broker, Cluster, Provider};

use crate::{eventually, log::ANSWER, quorum};

/// Three brokers with three replicas of everything, of which two must have a record, for one test at a time.
///
/// They start with the first test that asks for them, are handed on whole to those that wait, and end when nobody
/// has them or waits for them.
#[derive(Debug)]
pub struct ThreeBrokers {
    bootstrap: String,
    cluster: OwnedMutexGuard<Option<Cluster>>,
}

/// Where the brokers are while somebody has them or waits for them.
static SHARED: Mutex<Weak<Turn<Option<Cluster>>>> = Mutex::new(Weak::new());

const BROKERS: usize = 3;

impl ThreeBrokers {
    /// Waits for its turn; all three run when this returns.
    ///
    /// # Errors
    ///
    /// When they cannot be started here.
    pub async fn start() -> Result<Self> {
        let shared = {
            let mut shared = SHARED.lock();
            shared.upgrade().unwrap_or_else(|| {
                let new = Arc::default();
                *shared = Arc::downgrade(&new);
                new
            })
        };
        let mut cluster = shared.lock_owned().await;
        let had = cluster.take();
        let whole = spawn_blocking(move || match had {
            Some(mut cluster) => cluster.mend().map(|()| cluster),
            None => Cluster::start(&[Provider::Native], BROKERS),
        });
        let whole = whole.await.context("starting the brokers panicked")??;
        let bootstrap = whole.bootstrap();
        *cluster = Some(whole);
        Ok(Self { bootstrap, cluster })
    }

    /// What clients take as `bootstrap.servers`: all three.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Kills the broker with this id where it stands.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub async fn kill(&mut self, id: i32) -> Result<()> {
        self.with(move |cluster| broker(cluster, id)?.kill()).await
    }

    /// Holds the broker with this id up where it stands.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn suspend(&mut self, id: i32) -> Result<()> {
        self.with(move |cluster| broker(cluster, id)?.suspend())
            .await
    }

    /// Has all of them run again, and know of each other.
    ///
    /// # Errors
    ///
    /// When one does not.
    pub async fn mend(&mut self) -> Result<()> {
        self.with(Cluster::mend).await
    }

    /// The broker that leads a partition.
    ///
    /// # Errors
    ///
    /// When nobody says, or none does.
    pub async fn leader(&self, topic: &str, partition: usize) -> Result<i32> {
        let partitions = self.partitions(topic).await?;
        let found = partitions.get(partition).context("no such partition")?;
        Ok(found.leader)
    }

    /// The broker that coordinates a consumer group: the leader of the partition of offsets that the group's name
    /// has by Java's hash.
    ///
    /// # Errors
    ///
    /// When nobody says.
    pub async fn coordinator(&self, group: &str) -> Result<i32> {
        let partitions = self.partitions(OFFSETS).await?;
        let hash = group.encode_utf16().fold(0_i32, |hash, unit| {
            hash.wrapping_mul(31).wrapping_add(i32::from(unit))
        });
        let place = usize::try_from(hash & i32::MAX)? % partitions.len().max(1);
        let found = partitions.get(place).context("no partition of offsets")?;
        Ok(found.leader)
    }

    /// The broker that is the active controller.
    ///
    /// # Errors
    ///
    /// When nobody says.
    pub async fn controller(&self) -> Result<i32> {
        let addresses = self.bootstrap.clone();
        let asking = spawn_blocking(move || {
            let mut told = addresses.split(',').map(quorum::leader);
            let mut last = told.next().context("no broker")?;
            // those that are gone do not answer
            while let (Err(_), Some(next)) = (&last, told.next()) {
                last = next;
            }
            last
        });
        asking.await.context("asking the brokers panicked")?
    }

    /// A broker that follows in a partition, and is not the active controller.
    ///
    /// # Errors
    ///
    /// When nobody says, or there is none.
    pub async fn follower(&self, topic: &str, partition: usize) -> Result<i32> {
        let busy = [
            self.leader(topic, partition).await?,
            self.controller().await?,
        ];
        let followers = (1..).take(BROKERS).find(|id| !busy.contains(id));
        followers.context("no broker merely follows")
    }

    /// Waits until every replica of a topic is in sync.
    ///
    /// # Errors
    ///
    /// When that does not come about.
    pub async fn in_sync(&self, topic: &str) -> Result<()> {
        eventually(&format!("{topic} is in sync"), async || {
            let partitions = self.partitions(topic).await?;
            Ok(partitions.iter().all(|it| it.in_sync == BROKERS))
        })
        .await
    }

    async fn partitions(&self, topic: &str) -> Result<Vec<Replicas>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .create()?;
        let topic = topic.to_owned();
        let asking = spawn_blocking(move || {
            let metadata = consumer.fetch_metadata(Some(&topic), ANSWER)?;
            let topic = metadata.topics().first().context("no such topic")?;
            let mut partitions: Vec<_> = topic.partitions().iter().collect();
            partitions.sort_by_key(|it| it.id());
            let replicas = partitions.into_iter().map(|it| Replicas {
                leader: it.leader(),
                in_sync: it.isr().len(),
            });
            Ok(replicas.collect())
        });
        asking.await.context("asking the brokers panicked")?
    }

    async fn with(
        &mut self,
        action: impl FnOnce(&mut Cluster) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let mut cluster = self.cluster.take().context("the brokers are gone")?;
        let acting = spawn_blocking(move || {
            let done = action(&mut cluster);
            (cluster, done)
        });
        let (cluster, done) = acting.await.context("an action on the brokers panicked")?;
        *self.cluster = Some(cluster);
        done
    }
}

/// Where consumer groups keep their offsets.
pub(crate) const OFFSETS: &str = "__consumer_offsets";

struct Replicas {
    leader: i32,
    in_sync: usize,
}

/// The broker with this id; ids count from one.
fn broker(cluster: &mut Cluster, id: i32) -> Result<&mut Broker> {
    let place = usize::try_from(id - 1).context("nobody leads")?;
    let broker = cluster.brokers_mut().get_mut(place);
    broker.with_context(|| format!("no broker {id}"))
}
