//! A partition of a retry topic: its records wait until they are due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::Past;
use crate::envelope::{Trail, UnixMillis};
use crate::transport::{Origin, Received, Timestamp, TopicPartition};

/// Records that were fetched before they were due, the next one first. Nothing more
/// is fetched while the first is not due: the others were written after it, and all
/// wait equally long.
#[derive(Debug)]
pub(super) struct Tier {
    delay: Duration,
    waiting: VecDeque<(UnixMillis, Received)>,
    /// Whether fetching has stopped until the first is due.
    pub(super) rests: bool,
    /// Whether a timer runs for the first.
    pub(super) timed: bool,
}

impl Tier {
    /// One whose records wait for `delay`.
    pub(super) fn new(delay: Duration) -> Self {
        Self {
            delay,
            waiting: VecDeque::new(),
            rests: false,
            timed: false,
        }
    }

    /// Takes in the next record. However long it asks to wait, it waits for no
    /// longer than the topic's delay from now.
    pub(super) fn take(&mut self, received: Received, now: UnixMillis) {
        let latest = now.plus(self.delay);
        let asked = Trail::due(&received.envelope.headers);
        let due = asked.map_or(now, |due| due.min(latest));
        self.waiting.push_back((due, received));
    }

    /// The next record as it was when its last attempt failed, with its past, if it
    /// is due.
    pub(super) fn next(&mut self, now: UnixMillis) -> Option<(Received, Option<Box<Past>>)> {
        let (due, _) = self.waiting.front()?;
        if *due > now {
            return None;
        }
        let (_, mut received) = self.waiting.pop_front()?;
        let headers = &mut received.envelope.headers;
        let past = Trail::read(headers).map(past);
        Trail::erase(headers);
        Some((received, past))
    }

    /// How long the next record still waits, where there is one.
    pub(super) fn wait(&self, now: UnixMillis) -> Option<Duration> {
        self.waiting.front().map(|(due, _)| due.since(now))
    }
}

fn past(trail: Trail) -> Box<Past> {
    Box::new(Past {
        first_failed: trail.first_failed,
        home: Some(Origin {
            partition: TopicPartition {
                topic: Arc::from(&*trail.topic),
                partition: trail.partition,
            },
            offset: trail.offset,
            timestamp: trail.written.map_or(Timestamp::Unknown, Timestamp::Created),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Envelope, Headers, names};

    const DELAY: Duration = Duration::from_millis(100);

    fn record(offset: i64, due: Option<u64>) -> Received {
        let mut headers = Headers::new();
        if let Some(due) = due {
            headers.push_static(names::RETRY_DUE, due.to_string());
        }
        Received {
            envelope: Envelope {
                headers,
                ..Envelope::default()
            },
            origin: Origin {
                partition: TopicPartition {
                    topic: Arc::from("orders.retry.100ms"),
                    partition: 0,
                },
                offset,
                timestamp: Timestamp::Unknown,
            },
            intact: true,
        }
    }

    fn next(tier: &mut Tier, now: u64) -> Option<i64> {
        let next = tier.next(UnixMillis(now));
        next.map(|(received, _)| received.origin.offset)
    }

    #[test]
    fn records_go_on_in_order_once_they_are_due() {
        let mut tier = Tier::new(DELAY);
        let now = UnixMillis(1000);
        tier.take(record(7, Some(1050)), now);
        tier.take(record(8, Some(1060)), now);
        assert_eq!(next(&mut tier, 1049), None);
        assert_eq!(tier.wait(UnixMillis(1049)), Some(Duration::from_millis(1)));
        assert_eq!(next(&mut tier, 1050), Some(7));
        assert_eq!(next(&mut tier, 1050), None);
        assert_eq!(next(&mut tier, 2000), Some(8));
        assert_eq!(tier.wait(UnixMillis(2000)), None);
    }

    #[test]
    fn a_record_waits_no_longer_than_its_topic_s_delay_whatever_it_says() {
        let mut tier = Tier::new(DELAY);
        tier.take(record(0, Some(u64::MAX)), UnixMillis(1000));
        assert_eq!(tier.wait(UnixMillis(1000)), Some(DELAY));
        assert_eq!(next(&mut tier, 1100), Some(0));
    }

    #[test]
    fn a_record_that_says_nothing_is_due() {
        let mut tier = Tier::new(DELAY);
        tier.take(record(0, None), UnixMillis(1000));
        assert_eq!(next(&mut tier, 1000), Some(0));
    }

    #[test]
    fn a_record_comes_out_as_it_was_and_with_its_past() {
        let mut tier = Tier::new(DELAY);
        let mut waiting = record(3, None);
        waiting.envelope.headers.push_static("x-app", "1");
        let before = waiting.envelope.headers.clone();
        let mut trail = Trail::new("orders.requests", 2, 40, UnixMillis(900));
        trail.written = Some(UnixMillis(800));
        trail.write(&mut waiting.envelope.headers);
        tier.take(waiting, UnixMillis(1000));

        let (received, past) = tier.next(UnixMillis(1000)).unwrap();
        assert_eq!(received.envelope.headers, before);
        let past = past.unwrap();
        assert_eq!(past.first_failed, UnixMillis(900));
        let home = past.home.unwrap();
        assert_eq!(home.partition.to_string(), "orders.requests[2]");
        assert_eq!(home.offset, 40);
        assert_eq!(home.timestamp, Timestamp::Created(UnixMillis(800)));
    }
}
