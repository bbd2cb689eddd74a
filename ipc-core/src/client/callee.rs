//! What stays the same from call to call of one service.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::presence::Watched;
use super::{Client, Shared};
use crate::envelope::Dialect;
use crate::transport::TopicPartition;

/// One service, as this client calls it.
pub(crate) struct Callee {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    /// Where it takes its requests from.
    pub(super) requests: Arc<str>,
    /// Where it hears from its callers; a foreign service knows no such topic.
    pub(super) control: Option<Arc<str>>,
    watched: OnceLock<Arc<Watched>>,
}

/// The services that this client was asked for.
#[derive(Default)]
pub(super) struct Callees(Mutex<HashMap<String, Arc<Callee>>>);

impl Client {
    /// The service called `name`.
    pub(crate) fn callee(&self, name: &str) -> Arc<Callee> {
        let shared = &self.0;
        let mut callees = shared.callees.0.lock();
        if let Some(callee) = callees.get(name) {
            return Arc::clone(callee);
        }
        let callee = Arc::new(shared.look_up(name));
        callees.insert(name.to_owned(), Arc::clone(&callee));
        callee
    }
}

impl Shared {
    fn look_up(&self, name: &str) -> Callee {
        let foreign = self.dialects.get(name);
        let own_topic = foreign.and_then(|foreign| foreign.topic.as_deref());
        Callee {
            name: name.to_owned(),
            dialect: foreign.map_or(Dialect::Native, |foreign| foreign.dialect),
            requests: match own_topic {
                Some(topic) => self.names.named(topic),
                None => self.names.requests(name),
            },
            control: foreign.is_none().then(|| self.names.control(name)),
            watched: OnceLock::new(),
        }
    }

    /// What is known of a service, watched from now on; a foreign one tells nothing.
    pub(super) fn watch<'c>(&self, callee: &'c Callee) -> Option<&'c Arc<Watched>> {
        let control = callee.control.as_ref()?;
        let watched = callee.watched.get_or_init(|| {
            let place = TopicPartition {
                topic: Arc::clone(control),
                partition: 0,
            };
            let (caller, transport) = (&self.caller, &self.transport);
            let watches = &self.watches;
            watches.begin(&callee.name, place, caller, transport, &self.stop)
        });
        Some(watched)
    }
}

impl fmt::Debug for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callee")
            .field("name", &self.name)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}
