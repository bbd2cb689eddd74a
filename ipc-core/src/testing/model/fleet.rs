//! The instances of the service: they start, drain, die and are taken for dead.

use std::sync::Arc;
use std::time::Duration;

use super::bug::Bug;
use super::flaky::Flaky;
use super::history::What;
use super::mortal::Life;
use super::noted::Noting;
use super::probe::Probe;
use super::trial::{MakeApp, SERVICE};
use super::world::World;
use crate::service::{ServeError, Service};
use crate::store::{Dedup, KafkaStore, StoreDown};
use crate::transport::Transport;
use crate::transport::memory::MemoryCluster;

/// How long at most an instance goes on that was taken for dead.
const LINGERS: Duration = Duration::from_secs(2);

pub(super) struct Fleet {
    cluster: MemoryCluster,
    world: World,
    store: Store,
    store_down: StoreDown,
    bug: Option<Bug>,
    make_app: MakeApp,
    partitions: i32,
    members: Vec<Member>,
    /// The last number given to an instance.
    last: u32,
}

/// Where the instances remember what they have done.
#[derive(Clone)]
pub(super) enum Store {
    /// Outside of them.
    Beside(Flaky),
    /// In the log.
    InLog,
}

struct Member {
    number: u32,
    life: Life,
    service: Service,
}

impl Fleet {
    pub(super) fn new(
        cluster: MemoryCluster,
        world: World,
        store: Store,
        store_down: StoreDown,
        bug: Option<Bug>,
        make_app: MakeApp,
        partitions: i32,
    ) -> Self {
        Self {
            cluster,
            world,
            store,
            store_down,
            bug,
            make_app,
            partitions,
            members: Vec::new(),
            last: 0,
        }
    }

    pub(super) async fn start(&mut self) -> Result<(), ServeError> {
        self.last += 1;
        let number = self.last;
        let life = Life::of(self.cluster.transport());
        let probe = Probe::new(number, self.world.clone(), life.clone());
        let transport: Arc<dyn Transport> = Arc::new(life.clone());
        let transport = match self.bug {
            Some(bug) => bug.in_transport(transport, &self.cluster),
            None => transport,
        };
        let service = Service::builder(SERVICE)
            .create_topics(self.partitions)
            .transport(transport)
            .dedup(self.dedup(number));
        let service = service.serve((self.make_app)(probe)).start().await?;
        self.world.note(What::Started { instance: number });
        self.members.push(Member {
            number,
            life,
            service,
        });
        Ok(())
    }

    fn dedup(&self, instance: u32) -> Dedup {
        let noted = Noting::new(self.world.clone(), instance);
        let dedup = match (&self.store, self.bug) {
            (Store::Beside(store), None) => noted.of(store.clone()),
            (Store::Beside(store), Some(bug)) => noted.of(bug.in_store(store.clone())),
            (Store::InLog, None) => noted.of(KafkaStore::new()),
            (Store::InLog, Some(bug)) => noted.of(bug.in_store(KafkaStore::new())),
        };
        dedup.store_down(self.store_down)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// One of them drains and ends.
    pub(super) async fn stop_one(&mut self) {
        if let Some(member) = self.take_one() {
            self.world.note(What::Stopped {
                instance: member.number,
            });
            member.service.stop().await;
        }
    }

    /// One of them dies between two steps.
    pub(super) async fn kill_one(&mut self) {
        let Some(member) = self.take_one() else {
            return;
        };
        member.life.end_in(1 + self.world.below(60));
        // Where it takes no more steps it stands still: then it ends at the next ping.
        member.life.ended().await;
        self.world.note(What::Died {
            instance: member.number,
        });
        drop(member.service);
    }

    /// One of them is taken for dead, and goes on for a while.
    pub(super) async fn expel_one(&mut self) {
        let Some(member) = self.take_one() else {
            return;
        };
        self.world.note(What::Expelled {
            instance: member.number,
        });
        member.life.expel();
        tokio::time::sleep(self.world.some_of(LINGERS)).await;
        self.world.note(What::Stopped {
            instance: member.number,
        });
        member.service.stop().await;
    }

    pub(super) async fn stop_all(&mut self) {
        while !self.members.is_empty() {
            self.stop_one().await;
        }
    }

    fn take_one(&mut self) -> Option<Member> {
        let count = u32::try_from(self.members.len()).ok()?;
        (count > 0).then(|| self.members.remove(self.world.below(count) as usize))
    }
}
