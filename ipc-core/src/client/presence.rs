//! Which services are there and which are paused, by the presence records of their
//! instances.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Rejected;
use crate::envelope::control::Control;
use crate::envelope::{CallerId, UnixMillis};
use crate::transport::{Ack, Consumer, Event, Outgoing, Start, TopicPartition, Transport};

/// How long a service may be silent before it counts as absent: a shorter
/// restart is waited out.
pub const ABSENCE_GRACE: Duration = Duration::from_secs(3);
/// How long a service may be paused before its callers are told: a shorter pause is
/// waited out.
const PAUSE_GRACE: Duration = ABSENCE_GRACE;
/// How long a control topic may be quiet before it is pinged. An instance tells of itself
/// each second: no ping is needed while one does.
const QUIET: Duration = Duration::from_millis(1500);
/// How long it may be quiet, pings included, before it counts as one that cannot be
/// heard: less than after which silence counts.
const DEAF: Duration = Duration::from_secs(3);
/// Between two looks at who has gone, and between two tries to find a control topic.
const LOOK: Duration = Duration::from_millis(500);

/// The services that are watched.
#[derive(Default)]
pub(super) struct Watches(Mutex<JoinSet<()>>);

/// What is known of one service.
pub(super) struct Watched {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since when its control topic can be heard; otherwise nothing is known.
    since: Option<Instant>,
    /// When it was heard last, whatever it had to say.
    heard: Option<Instant>,
    /// When it was pinged last.
    pinged: Option<Instant>,
    instances: BTreeMap<ByteString, Instance>,
    /// When the last valid presence ran out.
    last: Option<Instant>,
    /// Since when all instances have said that everything is paused.
    paused: Option<Instant>,
}

struct Instance {
    until: Instant,
    /// Whether it says that everything is paused.
    is_paused: bool,
    gone: CancellationToken,
}

impl Instance {
    fn heard_now() -> Self {
        Self {
            until: Instant::now(),
            is_paused: false,
            gone: CancellationToken::new(),
        }
    }
}

impl State {
    /// The control topic can be heard.
    fn hear(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.heard = Some(now);
    }

    /// Whether the control topic is to be pinged. Silence proves nothing by itself: a
    /// topic without a leader, or one whose replicas do not keep up, is silent too, and
    /// no error tells. So it counts for as long as what we write there comes back.
    fn doubt(&mut self, now: Instant) -> bool {
        let Some(heard) = self.heard else {
            return false;
        };
        if self.is_absent(now) && self.instances.is_empty() {
            return false;
        }
        if now >= heard + DEAF {
            self.since = None;
        }
        let is_due = now >= self.pinged.unwrap_or(heard).max(heard) + QUIET;
        if is_due {
            self.pinged = Some(now);
        }
        is_due
    }

    /// Whether nobody has been heard for as long as counts.
    fn is_absent(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| {
            let heard = self.last.map_or(since, |last| last.max(since));
            now >= heard + ABSENCE_GRACE
        })
    }

    /// One that is no longer heard says nothing: it does not end a pause.
    fn look_for_pause(&mut self, now: Instant) {
        let mut present = self.instances.values().filter(|it| it.until > now);
        let is_paused =
            present.next().is_some_and(|it| it.is_paused) && present.all(|it| it.is_paused);
        self.paused = is_paused.then(|| self.paused.unwrap_or(now));
    }
}

impl Watches {
    /// Watches the service that tells of itself at `place`, until `stop`.
    pub(super) fn begin(
        &self,
        name: &str,
        place: TopicPartition,
        caller: &CallerId,
        transport: &Arc<dyn Transport>,
        stop: &CancellationToken,
    ) -> Arc<Watched> {
        let service = Arc::new(Watched {
            name: name.to_owned(),
            state: Mutex::default(),
        });
        let watch = Watch {
            service: Arc::clone(&service),
            place,
            caller: caller.clone(),
            transport: Arc::clone(transport),
            pings: 0,
        };
        self.0.lock().spawn(watch.run(stop.clone()));
        service
    }

    /// Waits until nothing is watched any more; the stop token ends it.
    pub(super) async fn closed(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock());
        while tasks.join_next().await.is_some() {}
    }
}

impl Watched {
    /// Refuses a call to a service that is known to be absent, or to be paused.
    pub(super) fn check(&self, now: Instant) -> Result<(), Rejected> {
        let state = self.state.lock();
        if state.since.is_none() {
            return Ok(());
        }
        if state.is_absent(now) {
            return Err(Rejected::Absent {
                service: self.name.clone(),
                retry_after: ABSENCE_GRACE,
            });
        }
        if state.paused.is_some_and(|since| now >= since + PAUSE_GRACE) {
            return Err(Rejected::Paused {
                service: self.name.clone(),
                retry_after: PAUSE_GRACE,
            });
        }
        Ok(())
    }

    /// Cancelled when this instance has gone. It has just answered, so it is there,
    /// even where its presence has not been heard yet.
    pub(super) fn gone(&self, instance: &str) -> CancellationToken {
        let mut state = self.state.lock();
        let known = state.instances.entry(instance.into());
        known.or_insert_with(Instance::heard_now).gone.clone()
    }

    /// Silence says nothing while the control topic cannot be heard.
    fn lose(&self) {
        self.state.lock().since = None;
    }

    /// Whatever is heard proves that the control topic can be.
    fn hear(&self) {
        self.state.lock().hear(Instant::now());
    }

    fn take(&self, control: Control, now: UnixMillis) {
        let mut state = self.state.lock();
        match control {
            Control::Presence {
                instance,
                valid_until,
                obeyed,
                ..
            } => {
                let is_paused = obeyed.is_some_and(|it| it.pauses_everything());
                // A clock that is ahead must not keep a dead instance alive.
                let left = valid_until.since(now).min(ABSENCE_GRACE);
                let until = Instant::now() + left;
                state.last = state.last.max(Some(until));
                let known = state.instances.entry(instance);
                let known = known.or_insert_with(Instance::heard_now);
                known.until = until;
                known.is_paused = is_paused;
            }
            Control::Farewell { instance } => {
                // Its open streams end by themselves: it is told to be draining,
                // not dead.
                if let Some(known) = state.instances.get_mut(&instance) {
                    known.until = Instant::now();
                }
                state.last = state.instances.values().map(|it| it.until).max();
            }
            _ => {}
        }
        state.look_for_pause(Instant::now());
    }

    fn forget_gone(&self, now: Instant) {
        let mut state = self.state.lock();
        // Nobody's silence counts while nothing can be heard.
        let Some(since) = state.since else { return };
        state.instances.retain(|_, instance| {
            let gone = now > instance.until.max(since) + ABSENCE_GRACE;
            if gone {
                instance.gone.cancel();
            }
            !gone
        });
    }
}

/// Reads one control topic.
struct Watch {
    service: Arc<Watched>,
    place: TopicPartition,
    caller: CallerId,
    transport: Arc<dyn Transport>,
    pings: u64,
}

impl Watch {
    async fn run(mut self, stop: CancellationToken) {
        let mut reader: Option<Consumer> = None;
        loop {
            if reader.is_none() {
                reader = read(&self.service, &self.place, &self.transport).await;
            }
            let now = Instant::now();
            if self.service.state.lock().doubt(now) {
                self.ping();
            }
            self.service.forget_gone(now);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(LOOK) => {}
            }
        }
        if let Some(reader) = reader {
            reader.close(LOOK).await;
        }
    }

    fn ping(&mut self) {
        self.pings += 1;
        let ping = Control::Ping {
            caller: self.caller.clone(),
            nonce: self.pings,
        };
        let record = Outgoing {
            topic: Arc::clone(&self.place.topic),
            partition: Some(self.place.partition),
            envelope: ping.to_envelope(),
        };
        self.transport.send(&record, Ack::ignored());
    }
}

/// A service without a control topic is foreign, or not set up yet: unknown, not
/// absent.
async fn read(
    service: &Arc<Watched>,
    place: &TopicPartition,
    transport: &Arc<dyn Transport>,
) -> Option<Consumer> {
    let listener = Arc::clone(service);
    let clock = Arc::clone(transport);
    let inlet = move |event: Event| {
        let batch = match event {
            Event::Records(batch) => batch,
            Event::Troubled(_) => return listener.lose(),
            Event::Assigned(_) | Event::Revoked(_) | Event::Closed => return,
        };
        listener.hear();
        for received in batch {
            if let Some(control) = Control::parse(&received.envelope.headers) {
                listener.take(control, clock.now());
            }
        }
    };
    match transport
        .read(place.clone(), Start::End, Box::new(inlet))
        .await
    {
        Ok(reader) => {
            let mut state = service.state.lock();
            state.since = None;
            state.hear(Instant::now());
            Some(reader)
        }
        Err(error) => {
            tracing::debug!(service = service.name, %error, "presence not heard");
            None
        }
    }
}
