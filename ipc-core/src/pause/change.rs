//! Who obeys what was just written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::envelope::control::{Control, Obeyed};
use crate::envelope::pause::PauseScope;
use crate::transport::{Consumer, Event, Start, TopicPartition, Transport, TransportError};

/// Within this every instance that is there has been heard: each tells of itself once
/// a second.
const ROLL_CALL: Duration = Duration::from_millis(2500);

/// Something that was paused or resumed.
pub struct Change {
    scopes: Vec<PauseScope>,
    pauses: bool,
    through: u64,
    heard: Arc<Heard>,
    #[expect(dead_code, reason = "ends the listening when it is dropped")]
    reader: Consumer,
}

/// Instances as their last presence tells of them.
#[derive(Default)]
struct Heard {
    instances: Mutex<BTreeMap<ByteString, Told>>,
    news: Notify,
}

struct Told {
    partitions: BTreeSet<i32>,
    obeyed: Option<Obeyed>,
}

/// One instance of a service, and whether it obeys.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Instance {
    /// Its name, unique to one run of it.
    pub name: String,
    /// The partitions of the request topic it reads.
    pub partitions: BTreeSet<i32>,
    /// Whether it has obeyed everything.
    pub obeys: bool,
    /// Endpoints of the change that it does not have.
    pub unknown: Vec<PauseScope>,
}

impl Change {
    pub(super) async fn listen(
        transport: &dyn Transport,
        control: &TopicPartition,
    ) -> Result<Self, TransportError> {
        let heard = Arc::new(Heard::default());
        let listener = Arc::clone(&heard);
        let inlet = move |event: Event| {
            let Event::Records(batch) = event else { return };
            for received in batch {
                if let Some(control) = Control::parse(&received.envelope.headers) {
                    listener.take(control);
                }
            }
        };
        let reader = transport
            .read(control.clone(), Start::End, Box::new(inlet))
            .await?;
        Ok(Self {
            scopes: Vec::new(),
            pauses: false,
            through: 0,
            heard,
            reader,
        })
    }

    pub(super) fn await_for(&mut self, scope: &PauseScope, pauses: bool, through: u64) {
        self.scopes.push(scope.clone());
        self.pauses = pauses;
        self.through = self.through.max(through);
    }

    /// Every instance that is there, by name: once each has been heard and obeys, or
    /// when `within` is over.
    ///
    /// # Cancel safety
    ///
    /// Safe: it can be asked again.
    pub async fn obeyed(&self, within: Duration) -> Vec<Instance> {
        let began = Instant::now();
        let (roll_call, end) = (began + ROLL_CALL.min(within), began + within);
        loop {
            let instances = self.instances();
            let now = Instant::now();
            let all = instances.iter().all(|instance| instance.obeys);
            if now >= end || (all && now >= roll_call) {
                return instances;
            }
            let until = if now < roll_call { roll_call } else { end };
            // What is heard, or that time is over: it is looked at again.
            let _ = timeout_at(until, self.heard.news.notified()).await;
        }
    }

    fn instances(&self) -> Vec<Instance> {
        let heard = self.heard.instances.lock();
        let instance = |(name, told): (&ByteString, &Told)| {
            let obeyed = told.obeyed.as_ref();
            let obeys = obeyed.is_some_and(|obeyed| obeyed.through >= self.through);
            let is_unknown = |scope: &&PauseScope| {
                obeys && self.pauses && !obeyed.is_some_and(|it| it.paused.contains(scope.as_str()))
            };
            Instance {
                name: name.to_string(),
                partitions: told.partitions.clone(),
                obeys,
                unknown: self.scopes.iter().filter(is_unknown).cloned().collect(),
            }
        };
        heard.iter().map(instance).collect()
    }
}

impl Heard {
    fn take(&self, control: Control) {
        let mut instances = self.instances.lock();
        match control {
            Control::Presence {
                instance,
                partitions,
                obeyed,
                ..
            } => {
                instances.insert(instance, Told { partitions, obeyed });
            }
            Control::Farewell { instance } => {
                instances.remove(&instance);
            }
            _ => return,
        }
        drop(instances);
        self.news.notify_one();
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("scopes", &self.scopes)
            .field("pauses", &self.pauses)
            .finish_non_exhaustive()
    }
}
