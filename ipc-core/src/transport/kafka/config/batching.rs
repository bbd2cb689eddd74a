//! When records leave.

use super::KafkaConfig;

/// Whether records wait for company before they are sent.
///
/// A record that is sent at once has the shortest way while there is little to
/// send; a batch costs far less per record while there is much. In the environment
/// `KAFKA_LINGER_MS=0` means [`Off`](Self::Off).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Batching {
    /// At once while few records are on their way, in batches while there are many.
    ///
    /// Once it is busy a transport has up to two more producers, with connections,
    /// threads and buffers of their own. Records of one key and topic, and records
    /// for one partition that the sender chose, keep their order.
    #[default]
    Adaptive,
    /// By `linger.ms` alone, which is 0 unless set.
    Off,
}

impl KafkaConfig {
    /// Whether records wait for company before they are sent. Default:
    /// [`Batching::Adaptive`], unless `linger.ms` is set, which is then obeyed.
    #[must_use]
    pub fn batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// What holds: who sets `linger.ms` has decided.
    pub(in crate::transport::kafka) fn effective_batching(&self) -> Batching {
        match self.property("linger.ms") {
            Some(_) => Batching::Off,
            None => self.batching,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sets_linger_is_obeyed() {
        let config = KafkaConfig::new("localhost:9092");
        assert_eq!(config.effective_batching(), Batching::Adaptive);
        let off = config.clone().batching(Batching::Off);
        assert_eq!(off.effective_batching(), Batching::Off);
        for name in ["linger.ms", "queue.buffering.max.ms"] {
            let set = config.clone().set(name, 5).batching(Batching::Adaptive);
            assert_eq!(set.effective_batching(), Batching::Off, "{name}");
        }
    }
}
