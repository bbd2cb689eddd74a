//! One run of a service under faults.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::aftermath::{note_letters, settle};
use super::bug::Bug;
use super::cut::Cut;
use super::default;
use super::faults::Dice;
use super::flaky::Flaky;
use super::fleet::{Fleet, Store};
use super::history::{End, History, Operation, What};
use super::load::{Caller, poison};
use super::outputs;
use super::probe::Probe;
use super::weather::Weather;
use super::world::World;
use crate::client::{Client, ServiceClient};
use crate::routing::App;
use crate::service::ServeError;
use crate::store::StoreDown;
use crate::transport::memory::MemoryCluster;
use crate::transport::{TopicSpec, Transport};

/// The service under trial.
pub(super) const SERVICE: &str = "trial";

/// How long something may go on before the next thing goes wrong.
const NEXT: Duration = Duration::from_secs(2);
/// How long at most the log or the store does not answer: longer than callers wait.
const AWAY: Duration = Duration::from_secs(7);

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
    pub(super) instances: usize,
    callers: u32,
    pub(super) operations: u32,
    partitions: i32,
    pub(super) poison: u32,
    bug: Option<Bug>,
    pub(super) cut: Cut,
    /// Whether it brings its own service, which can do everything.
    is_own: bool,
    /// Whether its handlers write outputs, exactly once.
    exactly_once: bool,
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
            cut: Cut::default(),
            is_own: true,
            exactly_once: false,
            make_app: Arc::new(default::app),
            perform: Arc::new(|service, operation| Box::pin(default::perform(service, operation))),
        }
    }

    /// Tries a service with exactly-once endpoints, whose handlers write to a topic. Its
    /// group forgets nothing: then outputs would be written again.
    pub fn exactly_once(self) -> Self {
        Self {
            exactly_once: true,
            ..self.serving(outputs::app, outputs::perform)
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
        self.is_own = false;
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
        let world = World::new(self.seed, self.cut.clone());
        let cluster = MemoryCluster::new(self.seed);
        let outside: Arc<dyn Transport> = Arc::new(cluster.transport());
        let requests = outside.topic_names().requests(SERVICE);
        let weather = Weather::default();
        cluster.set_faults(Dice {
            world: world.clone(),
            requests: Arc::clone(&requests),
            weather: weather.clone(),
        });

        if self.exactly_once {
            world.is_exactly_once();
            let topic = outside.topic_names().named(outputs::TOPIC);
            outside.create_topics(&[TopicSpec::new(topic, 1)]).await?;
        }
        let (store, store_down) = self.store(&world, &weather);
        let mut fleet = Fleet::new(
            cluster.clone(),
            world.clone(),
            store,
            store_down,
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
                Some(bug) => bug.in_callers_transport(transport, &cluster),
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
                has_retries: self.is_own,
                has_keys: !self.exactly_once,
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
            weather.turn_rough();
            while !load.is_empty() {
                sleep(world.some_of(NEXT)).await;
                while load.try_join_next().is_some() {}
                self.disturb(&mut fleet, &world, &weather, &cluster).await?;
            }
        }
        while load.join_next().await.is_some() {}
        weather.clear();
        world.note(What::Healed);
        if fleet.len() == 0 {
            fleet.start().await?;
        }
        let lag = settle(&cluster, &*outside, SERVICE).await?;
        for client in clients {
            client.close().await;
        }
        fleet.stop_all().await;
        note_letters(&*outside, &world, SERVICE).await?;
        if self.exactly_once {
            outputs::note(&*outside, &world).await?;
        }
        Ok(world.into_history(lag))
    }

    /// Where the instances remember, and what they do where that does not answer.
    fn store(&self, world: &World, weather: &Weather) -> (Store, StoreDown) {
        if self.is_own && world.once_in(3) {
            world.stores_in_log();
            return (Store::InLog, StoreDown::FailClosed);
        }
        let store = Store::Beside(Flaky::new(world.clone(), weather.clone()));
        if world.once_in(3) {
            world.fails_open();
            return (store, StoreDown::FailOpen);
        }
        (store, StoreDown::FailClosed)
    }

    /// Something goes wrong with the instances or around them, or they are seen to.
    async fn disturb(
        &self,
        fleet: &mut Fleet,
        world: &World,
        weather: &Weather,
        cluster: &MemoryCluster,
    ) -> Result<(), ServeError> {
        let next = match world.below(12) {
            fault @ ..8 if world.takes_fault() => fault,
            8 if !self.exactly_once && world.once_in(2) && world.takes_fault() => 8,
            _ => 9,
        };
        match next {
            0 | 1 => fleet.kill_one().await,
            2 | 3 => fleet.expel_one().await,
            4 | 5 => fleet.stop_one().await,
            6 => {
                let time = world.some_of(AWAY);
                world.note(What::LogAway { time });
                weather.lose_log(time);
            }
            7 => {
                let time = world.some_of(AWAY);
                world.note(What::StoreAway { time });
                weather.lose_store(time);
            }
            8 => {
                world.note(What::Reset);
                cluster.reset(SERVICE);
            }
            _ if fleet.len() < self.instances => fleet.start().await?,
            _ => {}
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
