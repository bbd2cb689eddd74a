//! What goes wrong at the log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::history::What;
use super::weather::Weather;
use super::world::World;
use crate::transport::memory::{Commit, Faults, Fetch, Produce, Transact};
use crate::transport::{Outgoing, TopicPartition, Transaction};

/// Lets the weather and the world's dice decide; notes the commits.
pub(super) struct Dice {
    pub(super) world: World,
    pub(super) requests: Arc<str>,
    pub(super) weather: Weather,
}

impl Dice {
    fn falls(&self, once_in: u32) -> bool {
        self.weather.is_rough() && self.world.once_in(once_in) && self.world.takes_fault()
    }

    /// Callers draw their reply partitions by lots of their own: those are not named.
    fn place(&self, topic: &Arc<str>, partition: i32) -> String {
        match *topic == self.requests {
            true => format!("{topic} {partition}"),
            false => topic.to_string(),
        }
    }

    fn fault(&self, what: fmt::Arguments<'_>) {
        let what = what.to_string();
        self.world.note(What::Fault { what });
    }
}

impl Faults for Dice {
    fn produce(&mut self, record: &Outgoing, partition: i32) -> Produce {
        if let Some(away) = self.weather.log_is_away() {
            return match self.world.below(3) {
                0 => Produce::LoseRecord,
                _ => Produce::AcknowledgeAfter(away),
            };
        }
        if !self.falls(12) {
            return Produce::Acknowledge;
        }
        let fate = match self.world.below(4) {
            0 => Produce::LoseAck,
            1 => Produce::LoseRecord,
            2 => Produce::Repeat,
            _ => Produce::AcknowledgeAfter(self.world.some_of(Duration::from_millis(400))),
        };
        self.fault(format_args!(
            "{fate:?} to {}",
            self.place(&record.topic, partition)
        ));
        fate
    }

    fn fetch(&mut self, from: &TopicPartition, _: i64) -> Fetch {
        if let Some(away) = self.weather.log_is_away() {
            return Fetch::Retry(away);
        }
        if self.falls(10) {
            let late = self.world.some_of(Duration::from_millis(500));
            let TopicPartition { topic, partition } = from;
            let place = self.place(topic, *partition);
            self.fault(format_args!("{place} is not read for {late:?}"));
            return Fetch::Retry(late);
        }
        Fetch::Deliver
    }

    fn commit(&mut self, partition: &TopicPartition, offset: i64) -> Commit {
        if self.weather.log_is_away().is_some() {
            return Commit::Lose;
        }
        let TopicPartition { topic, partition } = partition;
        if self.falls(5) {
            let place = self.place(topic, *partition);
            self.fault(format_args!("the commit of {place} at {offset} is lost"));
            return Commit::Lose;
        }
        if *topic == self.requests {
            let partition = *partition;
            self.world.note(What::Committed { partition, offset });
        }
        Commit::Apply
    }

    fn transact(&mut self, transaction: &Transaction) -> Transact {
        if self.weather.log_is_away().is_some() {
            return Transact::Abort;
        }
        let fate = match self.falls(4).then(|| self.world.below(3)) {
            None => Transact::Commit,
            Some(0) => Transact::LoseAnswer,
            Some(1) => Transact::CommitAfter(self.world.some_of(Duration::from_secs(3))),
            Some(_) => Transact::Abort,
        };
        if fate != Transact::Commit {
            self.fault(format_args!("{fate:?} of a transaction"));
        }
        if fate == Transact::Abort {
            return fate;
        }
        for note in &transaction.offsets {
            if note.partition.topic == self.requests {
                self.world.note(What::Committed {
                    partition: note.partition.partition,
                    offset: note.next,
                });
            }
        }
        fate
    }
}
