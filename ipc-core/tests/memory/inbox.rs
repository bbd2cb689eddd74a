//! Where the instances of a fleet listen for their replies.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipc_core::client::Client;
use ipc_core::envelope::names;
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::system::{System, TestResult, Watch};

/// Partitions of the reply topic.
const PARTITIONS: i32 = 3;

/// The instances of one program.
struct Fleet {
    system: System,
    pings: Watch,
    known: BTreeSet<String>,
}

impl Fleet {
    async fn new() -> TestResult<Self> {
        let system = System::new();
        system.topic("shop.replies", PARTITIONS).await?;
        let pings = system.watch("shop.replies", PARTITIONS).await?;
        Ok(Self {
            system,
            pings,
            known: BTreeSet::new(),
        })
    }

    /// Starts an instance, and finds out where it listens by its first ping.
    async fn join(&mut self) -> TestResult<(Client, i32)> {
        let client = self.system.client("shop").await?;
        loop {
            let ping = self.pings.next().await?;
            let caller = ping.envelope.headers.get_str(names::CALLER);
            if self.known.insert(caller.ok_or("no caller")?.to_owned()) {
                return Ok((client, ping.origin.partition.partition));
            }
        }
    }

    async fn fill(&mut self) -> TestResult<Vec<(Client, i32)>> {
        let mut instances = Vec::new();
        for _ in 0..PARTITIONS {
            instances.push(self.join().await?);
        }
        Ok(instances)
    }
}

#[tokio::test(start_paused = true)]
async fn instances_that_start_one_after_the_other_listen_on_partitions_of_their_own() -> TestResult
{
    let instances = Fleet::new().await?.fill().await?;
    let taken: BTreeSet<i32> = instances.iter().map(|(_, partition)| *partition).collect();
    assert_eq!(taken, (0..PARTITIONS).collect());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_partition_of_an_instance_that_has_gone_is_the_next_ones() -> TestResult {
    let mut fleet = Fleet::new().await?;
    let mut instances = fleet.fill().await?;
    let (gone, left) = instances.remove(1);
    gone.close().await;
    // While its last pings are young it counts as there.
    sleep(Duration::from_secs(4)).await;
    let (_newcomer, taken) = fleet.join().await?;
    assert_eq!(taken, left);
    Ok(())
}

/// Counts warnings of a partition that is shared.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Visit for Warnings {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let said = format!("{value:?}");
        if field.name() == "message" && said.contains("a partition for each instance") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        *of.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn who_shares_a_partition_is_warned_once_with_the_mend() -> TestResult {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let mut fleet = Fleet::new().await?;
    let _instances = fleet.fill().await?;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(warnings.0.load(Ordering::Relaxed), 0);

    let _one_too_many = fleet.join().await?;
    // Both hear the other's pings, again and again.
    sleep(Duration::from_secs(10)).await;
    assert_eq!(warnings.0.load(Ordering::Relaxed), 2);
    Ok(())
}
