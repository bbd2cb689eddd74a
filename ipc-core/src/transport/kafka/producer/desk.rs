//! The books of a transport's producers: what is sent and not settled.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{OnceLock, Weak};
use std::time::{Duration, Instant};

use super::Producers;
use super::load::{Level, Load};
use super::unit::Fate;
use super::units::{UnitId, Units};
use crate::transport::{Ack, Outgoing, Placed, SendError};

/// A record that waits until its unit has moved.
pub(super) struct Held {
    pub(super) record: Outgoing,
    pub(super) ack: Ack,
}

/// A record in librdkafka's hands.
pub(in crate::transport::kafka) struct Pending {
    pub(super) ack: Ack,
    /// `None` where there is no order to keep.
    pub(super) unit: Option<UnitId>,
}

/// Shared by the senders and by the threads on which records are settled.
pub(super) struct Desk {
    pub(super) load: Load,
    pub(super) units: Units<Held>,
    unsettled: AtomicUsize,
    /// When that was last zero, in microseconds since `began`.
    emptied: AtomicU64,
    began: Instant,
    /// How many records may be unsettled, over all producers.
    limit: usize,
    /// Who passes on what was held. Set once, right after they are made.
    producers: OnceLock<Weak<Producers>>,
}

impl Desk {
    /// As for librdkafka, a `limit` of 0 is none.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            load: Load::default(),
            units: Units::new(),
            unsettled: AtomicUsize::new(0),
            emptied: AtomicU64::new(0),
            began: Instant::now(),
            limit: if limit == 0 { usize::MAX } else { limit },
            producers: OnceLock::new(),
        }
    }

    pub(super) fn bind(&self, producers: Weak<Producers>) {
        self.producers.get_or_init(|| producers);
    }

    /// Counts a record in and says how many there are with it.
    pub(super) fn enter(&self) -> Result<usize, SendError> {
        let before = self.unsettled.fetch_add(1, Ordering::Relaxed);
        if before >= self.limit {
            self.unsettled.fetch_sub(1, Ordering::Relaxed);
            return Err(self.full());
        }
        if before == 0 {
            self.load.note_pause(self.pause());
        }
        Ok(before + 1)
    }

    pub(super) fn full(&self) -> SendError {
        SendError::QueueFull { limit: self.limit }
    }

    pub(super) fn unsettled(&self) -> usize {
        self.unsettled.load(Ordering::Acquire)
    }

    /// Settles a record that was given to the producer of `level`.
    pub(super) fn settle(
        &self,
        pending: Pending,
        level: Level,
        outcome: Result<Placed, SendError>,
    ) {
        let fate = self.fate(level, &outcome);
        pending.ack.settle(outcome);
        self.leave();
        if let Some(unit) = pending.unit
            && self.units.settle(unit, fate, self.load.level())
        {
            self.release(unit);
        }
        self.look();
    }

    fn leave(&self) {
        // Noted first, so that nobody who comes right after finds an older time.
        if self.unsettled.load(Ordering::Relaxed) == 1 {
            let micros = u64::try_from(self.began.elapsed().as_micros());
            let now = micros.unwrap_or(u64::MAX);
            self.emptied.store(now, Ordering::Relaxed);
        }
        self.unsettled.fetch_sub(1, Ordering::Release);
    }

    /// How long nothing has been on its way, if that is so.
    fn pause(&self) -> Duration {
        let emptied = Duration::from_micros(self.emptied.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(emptied)
    }

    /// Calls off what has waited too long.
    pub(super) fn look(&self) {
        for unit in self.units.look() {
            self.release(unit);
        }
    }

    fn release(&self, unit: UnitId) {
        // Once they are gone, held records are closed with this.
        if let Some(producers) = self.producers.get().and_then(Weak::upgrade) {
            producers.release(unit);
        }
    }

    fn fate(&self, level: Level, outcome: &Result<Placed, SendError>) -> Fate {
        match outcome {
            Ok(_) => Fate::Logged,
            Err(error) if error.is_known_unsent() => Fate::Unsent,
            // A producer that has failed for good is no place to stay at.
            Err(_) if level > self.load.highest() => Fate::Unsent,
            Err(_) => Fate::Unknown,
        }
    }
}
