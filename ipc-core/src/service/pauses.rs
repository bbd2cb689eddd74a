//! What people who look after the service have paused.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::dispatch::{Cause, Input, Scope, Turn};
use crate::envelope::control::Obeyed;
use crate::envelope::pause::{PauseRecord, PauseScope};
use crate::transport::{
    Consumer, Event, Inlet, Received, Start, TopicPartition, Transport, TransportError,
};

/// How long reading what is paused may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a service has to know to obey.
pub(super) struct Pauses {
    /// Goes on reading for as long as it lives.
    pub(super) reader: Consumer,
    /// How far it obeys.
    pub(super) obeyed: watch::Receiver<Obeyed>,
}

/// Reads what is paused, and returns once dispatch has been told all of it. What is
/// paused or resumed later is told too.
pub(super) async fn follow(
    transport: &dyn Transport,
    topic: &Arc<str>,
    endpoints: BTreeSet<Arc<str>>,
    inputs: mpsc::UnboundedSender<Input>,
) -> Result<Pauses, TransportError> {
    let (teller, obeyed) = watch::channel(Obeyed::default());
    let (read, whole) = oneshot::channel();
    let follower = Follower {
        endpoints,
        inputs,
        teller: Arc::new(teller),
        state: Obeyed::default(),
        read: Some(read),
    };
    let place = TopicPartition {
        topic: Arc::clone(topic),
        partition: 0,
    };
    let reader = transport
        .read(place, Start::Beginning, Box::new(follower))
        .await?;
    match timeout(PATIENCE, whole).await {
        Ok(Ok(())) => Ok(Pauses { reader, obeyed }),
        Ok(Err(_)) | Err(_) => Err(TransportError::unreachable(format!(
            "topic {topic} cannot be read to its end within {PATIENCE:?}, so what is paused is \
             not known: check that the leader of its partition is up"
        ))),
    }
}

/// Turns the valve as the topic's records say.
struct Follower {
    /// Those there are.
    endpoints: BTreeSet<Arc<str>>,
    inputs: mpsc::UnboundedSender<Input>,
    teller: Arc<watch::Sender<Obeyed>>,
    /// What this instance does once dispatch has been told everything so far.
    state: Obeyed,
    /// Told when all that was there at the start is read.
    read: Option<oneshot::Sender<()>>,
}

impl Follower {
    fn obey(&mut self, received: &Received) {
        self.state.through = u64::try_from(received.origin.offset).unwrap_or_default() + 1;
        let Some(record) = PauseRecord::parse(&received.envelope) else {
            tracing::debug!(offset = received.origin.offset, "no pause");
            return;
        };
        let Some(scope) = self.scope(&record.scope) else {
            let endpoint = record.scope.as_str();
            tracing::warn!(endpoint, "no such endpoint to be paused or resumed here");
            return;
        };
        let name = ByteString::from(record.scope.as_str());
        match record.reason.is_some() {
            true => self.state.paused.insert(name),
            false => self.state.paused.remove(&name),
        };
        let turn = Turn {
            scope,
            cause: Cause::Operator,
            shut: record.reason.map(|reason| match &*reason {
                "" => "it is paused".into(),
                reason => format!("it is paused: {reason}").into(),
            }),
        };
        // An engine that has ended consumes nothing.
        let _ = self.inputs.send(Input::Turn(turn));
    }

    fn scope(&self, scope: &PauseScope) -> Option<Scope> {
        match scope {
            PauseScope::Service => Some(Scope::Service),
            PauseScope::OneEndpoint(name) => {
                self.endpoints.get(&**name).cloned().map(Scope::Endpoint)
            }
        }
    }
}

impl Inlet for Follower {
    fn take(&mut self, event: Event) {
        let Event::Records(batch) = event else { return };
        for received in &batch {
            self.obey(received);
        }
        let told = Input::Obeyed(Arc::clone(&self.teller), self.state.clone());
        let _ = self.inputs.send(told);
    }

    fn looks_for_end(&self) -> bool {
        true
    }

    fn at_end(&mut self) {
        if let Some(read) = mem::take(&mut self.read) {
            // A start that was given up waits no more.
            let _ = read.send(());
        }
    }
}
