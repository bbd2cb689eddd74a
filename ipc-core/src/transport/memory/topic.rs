//! One topic: its partitions and the settings that matter here.

use std::time::Duration;

use crate::envelope::Envelope;
use crate::transport::{Cleanup, TopicSpec};

/// `retention.ms` where a topic does not say: Kafka's seven days.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// `cleanup.policy` where a topic does not say.
const CLEANUP: Cleanup = Cleanup {
    compacts: false,
    deletes: true,
};
/// `max.message.bytes` where a topic does not say: what librdkafka sends at most.
const LARGEST_RECORD: usize = 1_000_000;
/// What the log adds to a record sent alone, roughly.
const RECORD_OVERHEAD: usize = 70;

pub(super) struct Topic {
    /// Above zero.
    pub(super) partitions: i32,
    /// Index of partition 0's log.
    first_log: usize,
    pub(super) retention: Duration,
    /// Told, and not acted on: nothing is ever compacted here.
    pub(super) cleanup: Cleanup,
    /// In bytes, headers and overhead included.
    pub(super) largest_record: usize,
}

impl Topic {
    /// A topic whose logs begin at index `first_log`, or what is wrong with it.
    pub(super) fn new(spec: &TopicSpec, first_log: usize) -> Result<Self, String> {
        check_name(&spec.name)?;
        if spec.partitions < 1 {
            let partitions = spec.partitions;
            return Err(format!("{partitions} partitions: it needs at least 1"));
        }
        let retention = match setting(spec, "retention.ms")? {
            None => RETENTION,
            Some(-1) => Duration::MAX,
            Some(millis) => Duration::from_millis(non_negative("retention.ms", millis)?),
        };
        let largest_record = match setting(spec, "max.message.bytes")? {
            None => LARGEST_RECORD,
            Some(bytes) => {
                let bytes = non_negative("max.message.bytes", bytes)?;
                usize::try_from(bytes).unwrap_or(usize::MAX)
            }
        };
        Ok(Self {
            partitions: spec.partitions,
            first_log,
            retention,
            cleanup: spec.cleanup().unwrap_or(CLEANUP),
            largest_record,
        })
    }

    /// Index of a partition's log.
    pub(super) fn log_of(&self, partition: i32) -> Option<usize> {
        if partition >= self.partitions {
            return None;
        }
        Some(self.first_log + usize::try_from(partition).ok()?)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty()
        || name.len() > 249
        || matches!(name, "." | "..")
        || !name.chars().all(allowed)
    {
        return Err(
            "not a valid name: use 1 to 249 ASCII letters, digits, dots, underscores or hyphens"
                .to_owned(),
        );
    }
    Ok(())
}

fn setting(spec: &TopicSpec, name: &str) -> Result<Option<i64>, String> {
    let Some(value) = spec.settings.get(name) else {
        return Ok(None);
    };
    let number = value.parse();
    number
        .map(Some)
        .map_err(|_| format!("{name} = {value} is not a whole number"))
}

fn non_negative(name: &str, value: i64) -> Result<u64, String> {
    u64::try_from(value).map_err(|_| format!("{name} = {value} must not be negative"))
}

/// What a record counts for against `max.message.bytes`.
pub(super) fn record_size(envelope: &Envelope) -> usize {
    let length = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
    let headers = envelope.headers.iter();
    let headers: usize = headers.map(|h| h.name.len() + length(&h.value)).sum();
    RECORD_OVERHEAD + length(&envelope.key) + length(&envelope.payload) + headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(spec: &TopicSpec) -> String {
        Topic::new(spec, 0).err().unwrap_or_default()
    }

    #[test]
    fn a_bad_setting_is_named_with_its_value() {
        let spec = TopicSpec::new("t", 1).with("retention.ms", "soon");
        assert_eq!(fault(&spec), "retention.ms = soon is not a whole number");
        let spec = TopicSpec::new("t", 1).with("max.message.bytes", -2);
        assert_eq!(fault(&spec), "max.message.bytes = -2 must not be negative");
    }

    #[test]
    fn a_topic_without_partitions_or_with_an_odd_name_is_refused() {
        assert!(fault(&TopicSpec::new("t", 0)).contains("at least 1"));
        for name in ["", "a b", "..", "ü"] {
            assert!(fault(&TopicSpec::new(name, 1)).contains("not a valid name"));
        }
    }

    #[test]
    fn only_partitions_that_exist_have_a_log() {
        let topic = Topic::new(&TopicSpec::new("t", 2), 5).unwrap();
        let logs = [-1, 0, 1, 2].map(|partition| topic.log_of(partition));
        assert_eq!(logs, [None, Some(5), Some(6), None]);
    }
}
