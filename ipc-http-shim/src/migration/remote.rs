//! Routes as somebody sees them who is no gateway, and how he moves them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::transport::{
    Outgoing, Reader, SendError, Start, TopicPartition, Transport, TransportError,
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::backlog::Reach;
use super::member::topic;
use super::record::{Command, Decided, Record, Told, Wanted};
use super::{Counts, Position};

/// Between two looks whether a command is obeyed, or a backlog worked on.
const LOOK: Duration = Duration::from_millis(500);

/// The routes of one fleet that move.
#[derive(Clone)]
pub struct Migrations {
    transport: Arc<dyn Transport>,
    place: TopicPartition,
    fleet: String,
}

/// Where one route stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct RouteView {
    /// What commands call it.
    pub name: String,
    /// Where it stands; `None` while it is where it began.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// What all gateways together have counted there.
    pub counts: Counts,
    /// How many gateways serve it.
    pub gateways: usize,
    /// A command that is not obeyed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Wanted>,
    #[serde(skip)]
    commands: i64,
}

/// Why a command is not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No gateway has such a route.
    #[error("no gateway of this fleet has a route {route:?} that moves: {}", those(.known))]
    UnknownRoute {
        /// The route.
        route: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The topic cannot be read.
    #[error(transparent)]
    Unread(#[from] TransportError),
    /// The log has not taken it.
    #[error(transparent)]
    Unwritten(#[from] SendError),
}

fn those(routes: &[String]) -> String {
    match routes {
        [] => "none moves; are the fleet and the topic prefix right?".to_owned(),
        routes => format!("there are {}", routes.join(", ")),
    }
}

impl Migrations {
    /// Those of `fleet`.
    ///
    /// # Errors
    ///
    /// When no gateway agrees through this cluster, or no broker answers.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn open(transport: Arc<dyn Transport>, fleet: &str) -> Result<Self, TransportError> {
        let topic = topic(&*transport);
        let found = transport.topics(std::slice::from_ref(&topic)).await?;
        if !found.iter().any(Option::is_some) {
            return Err(TransportError::missing_topic(format!(
                "no route moves here: topic {topic} does not exist; check the cluster and the \
                 topic prefix"
            )));
        }
        Ok(Self {
            transport,
            place: TopicPartition {
                topic,
                partition: 0,
            },
            fleet: fleet.to_owned(),
        })
    }

    /// Every route that moves, by name.
    ///
    /// # Errors
    ///
    /// When the topic cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn routes(&self) -> Result<Vec<RouteView>, TransportError> {
        let (place, start) = (self.place.clone(), Start::Beginning);
        let mut reader = Reader::open(&*self.transport, place, start).await?;
        let mut seen = Seen::default();
        while let Some(received) = reader.next().await? {
            if let Some(record) = Record::parse(&self.fleet, &received.envelope) {
                seen.take(record, received.origin.offset);
            }
        }
        Ok(seen.views())
    }

    /// Wants something of a route. Answers with the command's offset, by which it can be
    /// [awaited](Self::obeyed).
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    ///
    /// # Cancel safety
    ///
    /// The command may or may not be written.
    pub async fn command(
        &self,
        route: &str,
        command: Command,
        by: &str,
    ) -> Result<i64, CommandError> {
        let routes = self.routes().await?;
        if !routes.iter().any(|view| view.name == route) {
            let known = routes.into_iter().map(|view| view.name).collect();
            let route = route.to_owned();
            return Err(CommandError::UnknownRoute { route, known });
        }
        let record = Record::Command {
            route: route.to_owned(),
            wanted: Wanted {
                command,
                by: by.to_owned(),
            },
        };
        let placed = self.transport.append(&Outgoing {
            topic: Arc::clone(&self.place.topic),
            partition: Some(self.place.partition),
            envelope: record.to_envelope(&self.fleet),
        });
        Ok(placed.await?.offset)
    }

    /// Where a route stands once the command at `offset` is obeyed, or when `within` is
    /// over: then the command is still there, and obeyed as soon as a gateway decides.
    ///
    /// # Errors
    ///
    /// When the topic cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn obeyed(
        &self,
        route: &str,
        offset: i64,
        within: Duration,
    ) -> Result<(bool, Option<RouteView>), TransportError> {
        let end = Instant::now() + within;
        loop {
            let routes = self.routes().await?.into_iter();
            let view = routes.into_iter().find(|view| view.name == route);
            let obeyed = view.as_ref().is_some_and(|view| view.commands > offset);
            if obeyed || Instant::now() >= end {
                return Ok((obeyed, view));
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until a service, whose consumer group has its name, has processed every
    /// request that is in its log now, or until `within` is over. Answers how many are
    /// left then; what waits for a retry is in other topics and not among them.
    ///
    /// # Errors
    ///
    /// When the service has no topic of requests, or no broker answers.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn drained(&self, service: &str, within: Duration) -> Result<u64, TransportError> {
        let end = Instant::now() + within;
        let reach = Reach::now(&*self.transport, service).await?;
        loop {
            let left = reach.left(&*self.transport).await?;
            if left == 0 || Instant::now() >= end {
                return Ok(left);
            }
            sleep(LOOK).await;
        }
    }
}

/// What stands in the topic.
#[derive(Default)]
struct Seen {
    decided: BTreeMap<String, Decided>,
    wanted: BTreeMap<String, (i64, Wanted)>,
    told: BTreeMap<String, Told>,
}

impl Seen {
    fn take(&mut self, record: Record, offset: i64) {
        match record {
            Record::Position { route, decided } => {
                let before = self.decided.get(&route);
                let before = before.map_or(0, |decided| decided.position.generation);
                if decided.position.generation > before {
                    self.decided.insert(route, decided);
                }
            }
            Record::Command { route, wanted } => {
                self.wanted.insert(route, (offset, wanted));
            }
            Record::Counts { instance, told } => match told {
                Some(told) => drop(self.told.insert(instance, told)),
                None => drop(self.told.remove(&instance)),
            },
            Record::Reported { .. } => {}
        }
    }

    fn views(mut self) -> Vec<RouteView> {
        let told = self.told.values().flat_map(|told| told.routes.keys());
        let mut names: Vec<String> = told.chain(self.decided.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| self.view(name)).collect()
    }

    fn view(&mut self, name: String) -> RouteView {
        let decided = self.decided.remove(&name);
        let commands = decided.as_ref().map_or(0, |decided| decided.commands);
        let position = decided.map(|decided| decided.position);
        let generation = position.as_ref().map_or(0, |position| position.generation);
        let told = self.told.values().filter_map(|told| told.routes.get(&name));
        let counted = told
            .clone()
            .filter(|counted| counted.generation == generation);
        let counts = counted.fold(Counts::default(), |sum, counted| {
            sum.zip(counted.counts, u64::saturating_add)
        });
        let wanted = self.wanted.remove(&name);
        RouteView {
            gateways: told.count(),
            wanted: wanted
                .filter(|(offset, _)| *offset >= commands)
                .map(|(_, wanted)| wanted),
            name,
            position,
            counts,
            commands,
        }
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrations")
            .field("place", &self.place)
            .field("fleet", &self.fleet)
            .finish_non_exhaustive()
    }
}
