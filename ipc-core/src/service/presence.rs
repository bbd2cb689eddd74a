//! Telling callers that this instance serves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::envelope::control::{Control, Obeyed};
use crate::health::ConsumerHealth;
use crate::metrics::Metrics;
use crate::transport::{Outgoing, Receipt, Transport};

/// Between two presence records.
const EVERY: Duration = Duration::from_secs(1);
/// Presence records that may be unanswered before the broker counts as away.
const SILENT: usize = 2;
/// How long one holds: two may be missing.
const VALID: Duration = Duration::from_millis(2500);

/// Writes presence records to the control topic while the instance serves.
pub(super) struct Presence {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) topic: Arc<str>,
    pub(super) instance: ByteString,
    /// The partitions of the request topic this instance reads.
    pub(super) assigned: watch::Receiver<BTreeSet<i32>>,
    /// How far this instance obeys what is paused and resumed.
    pub(super) obeyed: watch::Receiver<Obeyed>,
    pub(super) health: Arc<ConsumerHealth>,
    pub(super) metrics: Metrics,
}

impl Presence {
    /// Runs until `stop`, and says farewell.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Each record is also a probe: what the broker acknowledges proves it there.
        let mut unanswered = FuturesUnordered::<Receipt>::new();
        let mut answered = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // Told at once: a caller may be waiting for this very instance.
                Ok(()) = self.assigned.changed() => {}
                Ok(()) = self.obeyed.changed() => {}
                Some(settled) = unanswered.next() => {
                    match settled {
                        Ok(_) => {
                            answered = Instant::now();
                            self.health.reachable();
                        }
                        Err(error) => self.health.unreachable(answered, error.to_string()),
                    }
                    continue;
                }
                _ = ticks.tick() => {}
            }
            if unanswered.len() > SILENT {
                let reason = "presence records are not acknowledged";
                self.health.unreachable(answered, reason);
            }
            let partitions = self.assigned.borrow_and_update().clone();
            let obeyed = self.obeyed.borrow_and_update().clone();
            self.health.assigned(partitions.len());
            unanswered.push(self.tell(&Control::Presence {
                instance: self.instance.clone(),
                partitions,
                valid_until: self.transport.now().plus(VALID),
                obeyed: Some(obeyed),
            }));
            self.metrics.dispatch().presence_sent();
        }
        // The flush at the end of the service waits for it.
        drop(self.tell(&Control::Farewell {
            instance: self.instance.clone(),
        }));
    }

    fn tell(&self, control: &Control) -> Receipt {
        let record = Outgoing {
            topic: Arc::clone(&self.topic),
            partition: Some(0),
            envelope: control.to_envelope(),
        };
        self.transport.append(&record)
    }
}
