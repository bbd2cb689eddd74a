//! One run of a service under faults.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Buf as _;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bug::Bug;
use super::default;
use super::faults::Dice;
use super::fleet::Fleet;
use super::history::{End, History, Operation, What};
use super::load::{Caller, poison};
use super::probe::Probe;
use super::world::World;
use crate::client::{Client, ServiceClient};
use crate::envelope::{UnixMillis, names};
use crate::routing::App;
use crate::testing::Observer;
use crate::transport::memory::MemoryCluster;
use crate::transport::{Start, TopicPartition, Transport};

/// The service under trial.
pub(super) const SERVICE: &str = "trial";

/// How long at most until nothing is left to do, once nothing goes wrong any more:
/// longer than any lease, session or drain.
const SETTLES: Duration = Duration::from_secs(180);
/// How long something may go on before the next thing goes wrong.
const NEXT: Duration = Duration::from_secs(2);

/// Makes the application of an instance.
pub(super) type MakeApp = Arc<dyn Fn(Probe) -> App + Send + Sync>;
/// Performs an operation.
pub(super) type Perform = Arc<
    dyn Fn(ServiceClient, Operation) -> Pin<Box<dyn Future<Output = End> + Send>> + Send + Sync,
>;

/// A service, its callers, and what goes wrong; all of it decided by a seed.
#[derive(Clone)]
#[must_use = "a trial does nothing until it is run"]
pub struct Trial {
    seed: u64,
    instances: usize,
    callers: u32,
    operations: u32,
    partitions: i32,
    poison: u32,
    bug: Option<Bug>,
    make_app: MakeApp,
    perform: Perform,
}

impl Trial {
    /// Operations of each caller, unless it is told otherwise.
    pub const OPERATIONS: u32 = 12;

    /// A trial of three instances and four callers with 12 operations each.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            instances: 3,
            callers: 4,
            operations: Self::OPERATIONS,
            partitions: 4,
            poison: 3,
            bug: None,
            make_app: Arc::new(default::app),
            perform: Arc::new(|service, operation| Box::pin(default::perform(service, operation))),
        }
    }

    /// Tries another service: `make_app` makes the application of each instance, and
    /// `perform` an operation's request. Its instances share a dedup store.
    pub fn serving<F>(
        mut self,
        make_app: impl Fn(Probe) -> App + Send + Sync + 'static,
        perform: impl Fn(ServiceClient, Operation) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = End> + Send + 'static,
    {
        self.make_app = Arc::new(make_app);
        self.perform = Arc::new(move |service, operation| Box::pin(perform(service, operation)));
        self
    }

    /// How many operations each of its callers has. Default:
    /// [`OPERATIONS`](Self::OPERATIONS).
    pub fn operations(mut self, operations: u32) -> Self {
        self.operations = operations;
        self
    }

    /// Plants a bug, to see that it is found.
    pub fn plant(mut self, bug: Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    /// Runs it. To be called on a current-thread runtime whose clock is paused.
    ///
    /// # Errors
    ///
    /// What keeps its service or its callers from starting.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the trial.
    pub async fn run(self) -> Result<History, Box<dyn std::error::Error>> {
        let world = World::new(self.seed);
        let cluster = MemoryCluster::new(self.seed);
        let outside: Arc<dyn Transport> = Arc::new(cluster.transport());
        let requests = outside.topic_names().requests(SERVICE);
        let active = Arc::new(AtomicBool::new(false));
        cluster.set_faults(Dice {
            world: world.clone(),
            requests: Arc::clone(&requests),
            active: Arc::clone(&active),
        });

        let mut fleet = Fleet::new(
            cluster.clone(),
            world.clone(),
            self.bug,
            Arc::clone(&self.make_app),
            self.partitions,
        );
        for _ in 0..self.instances {
            fleet.start().await?;
        }
        let mut load = JoinSet::new();
        let mut clients = Vec::new();
        for number in 0..self.callers {
            let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
            let transport = match self.bug {
                Some(bug) => bug.in_callers_transport(transport),
                None => transport,
            };
            let callers = i32::try_from(self.callers)?;
            let client = Client::builder("callers").create_topics(callers);
            let client = client.connect(transport).await?;
            clients.push(client.clone());
            let caller = Caller {
                number,
                client,
                perform: Arc::clone(&self.perform),
                world: world.clone(),
            };
            load.spawn(caller.run(self.operations));
        }
        let poisoned = poison(
            Arc::clone(&outside),
            world.clone(),
            Arc::clone(&requests),
            self.poison,
        );
        load.spawn(poisoned);

        if world.once_in(6) {
            world.is_calm();
        } else {
            active.store(true, Ordering::Relaxed);
            while !load.is_empty() {
                sleep(world.some_of(NEXT)).await;
                while load.try_join_next().is_some() {}
                self.disturb(&mut fleet, &world).await?;
            }
        }
        while load.join_next().await.is_some() {}
        active.store(false, Ordering::Relaxed);
        world.note(What::Healed);
        if fleet.len() == 0 {
            fleet.start().await?;
        }
        let lag = self.settle(&*outside, &requests).await?;
        for client in clients {
            client.close().await;
        }
        fleet.stop_all().await;
        self.read_letters(&*outside, &world).await?;
        Ok(world.into_history(lag))
    }

    /// Something goes wrong with the instances, or they are seen to.
    async fn disturb(
        &self,
        fleet: &mut Fleet,
        world: &World,
    ) -> Result<(), crate::service::ServeError> {
        match world.below(6) {
            0 => fleet.kill_one().await,
            1 => fleet.expel_one().await,
            2 => fleet.stop_one().await,
            _ if fleet.len() < self.instances => fleet.start().await?,
            _ => {}
        }
        Ok(())
    }

    /// Waits until the group has finished everything; answers what is left.
    async fn settle(
        &self,
        transport: &dyn Transport,
        requests: &Arc<str>,
    ) -> Result<u64, Box<dyn std::error::Error>> {
        let by = tokio::time::Instant::now() + SETTLES;
        loop {
            let states = transport.topics(&[Arc::clone(requests)]).await?;
            let state = states.into_iter().flatten().next();
            let state = state.ok_or("the request topic is gone")?;
            let ends = transport.written_since(&state, UnixMillis(0)).await?;
            let committed = transport.committed(SERVICE, &state).await?;
            let mut lag = 0;
            for (end, next) in ends.into_iter().zip(committed) {
                lag += end.saturating_sub(u64::try_from(next.unwrap_or(0))?);
            }
            if lag == 0 || tokio::time::Instant::now() >= by {
                return Ok(lag);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn read_letters(
        &self,
        transport: &dyn Transport,
        world: &World,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let place = TopicPartition {
            topic: transport.topic_names().dead_letters(SERVICE),
            partition: 0,
        };
        let letters = Observer::read(transport, place, Start::Beginning).await?;
        // All of it is there, and the paused clock moves when it is read.
        sleep(Duration::from_secs(1)).await;
        let found: Vec<What> = letters.seen(|seen| {
            let letters = seen.records.iter().map(|letter| &letter.envelope.headers);
            let found = letters.map(|headers| {
                let number = |name| headers.get(name).cloned();
                let partition = number(names::DLT_ORIGINAL_PARTITION);
                let offset = number(names::DLT_ORIGINAL_OFFSET);
                let path = headers.get_str(names::PATH);
                What::DeadLetter {
                    work: path.and_then(|path| path.rsplit('/').next()?.parse().ok()),
                    partition: partition.map_or(-1, |mut bytes| bytes.try_get_i32().unwrap_or(-1)),
                    offset: offset.map_or(-1, |mut bytes| bytes.try_get_i64().unwrap_or(-1)),
                }
            });
            found.collect()
        });
        for letter in found {
            world.note(letter);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial")
            .field("seed", &self.seed)
            .field("bug", &self.bug)
            .finish_non_exhaustive()
    }
}
