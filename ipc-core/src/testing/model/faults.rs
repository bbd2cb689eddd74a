//! What goes wrong at the log.

use std::sync::Arc;
use std::time::Duration;

use super::history::What;
use super::weather::Weather;
use super::world::World;
use crate::transport::memory::{Commit, Faults, Fetch, Produce};
use crate::transport::{Outgoing, TopicPartition};

/// Lets the weather and the world's dice decide; notes the commits.
pub(super) struct Dice {
    pub(super) world: World,
    pub(super) requests: Arc<str>,
    pub(super) weather: Weather,
}

impl Dice {
    fn falls(&self, once_in: u32) -> bool {
        self.weather.is_rough() && self.world.once_in(once_in)
    }
}

impl Faults for Dice {
    fn produce(&mut self, _: &Outgoing, _: i32) -> Produce {
        if let Some(away) = self.weather.log_is_away() {
            return match self.world.below(3) {
                0 => Produce::LoseRecord,
                _ => Produce::AcknowledgeAfter(away),
            };
        }
        if !self.falls(12) {
            return Produce::Acknowledge;
        }
        match self.world.below(4) {
            0 => Produce::LoseAck,
            1 => Produce::LoseRecord,
            2 => Produce::Repeat,
            _ => Produce::AcknowledgeAfter(self.world.some_of(Duration::from_millis(400))),
        }
    }

    fn fetch(&mut self, _: &TopicPartition, _: i64) -> Fetch {
        if let Some(away) = self.weather.log_is_away() {
            return Fetch::Retry(away);
        }
        if self.falls(10) {
            return Fetch::Retry(self.world.some_of(Duration::from_millis(500)));
        }
        Fetch::Deliver
    }

    fn commit(&mut self, partition: &TopicPartition, offset: i64) -> Commit {
        if self.weather.log_is_away().is_some() || self.falls(5) {
            return Commit::Lose;
        }
        if partition.topic == self.requests {
            let partition = partition.partition;
            self.world.note(What::Committed { partition, offset });
        }
        Commit::Apply
    }
}
