//! Telling callers that this instance serves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::envelope::control::Control;
use crate::transport::{Ack, Outgoing, Transport};

/// Between two presence records.
const EVERY: Duration = Duration::from_secs(1);
/// How long one holds: two may be missing.
const VALID: Duration = Duration::from_millis(2500);

/// Writes presence records to the control topic while the instance serves.
pub(super) struct Presence {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) topic: Arc<str>,
    pub(super) instance: ByteString,
    /// The partitions of the request topic this instance reads.
    pub(super) assigned: watch::Receiver<BTreeSet<i32>>,
}

impl Presence {
    /// Runs until `stop`, and says farewell.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // Told at once: a caller may be waiting for this very instance.
                Ok(()) = self.assigned.changed() => {}
                _ = ticks.tick() => {}
            }
            let partitions = self.assigned.borrow_and_update().clone();
            self.tell(&Control::Presence {
                instance: self.instance.clone(),
                partitions,
                valid_until: self.transport.now().plus(VALID),
            });
        }
        self.tell(&Control::Farewell {
            instance: self.instance.clone(),
        });
    }

    fn tell(&self, control: &Control) {
        let record = Outgoing {
            topic: Arc::clone(&self.topic),
            partition: Some(0),
            envelope: control.to_envelope(),
        };
        // The next one makes up for one that is lost.
        self.transport.send(&record, Ack::ignored());
    }
}
