//! Librdkafka's statistics in our own terms.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::statistics::{Broker, Partition, Statistics, Window};

use crate::metrics::ClientKind;
use crate::transport::{BrokerStats, ClientStats, PartitionStats, RoundTrip, TopicPartition};

pub(super) fn client_stats(kind: ClientKind, statistics: &Statistics) -> ClientStats {
    let mut brokers: Vec<BrokerStats> = statistics
        .brokers
        .values()
        // Addresses to start from and the group's coordinator are no brokers of
        // their own.
        .filter(|broker| broker.nodeid >= 0 && broker.source != "logical")
        .map(broker_stats)
        .collect();
    brokers.sort_by(|a, b| a.name.cmp(&b.name));
    let mut partitions = Vec::new();
    for topic in statistics.topics.values() {
        let name: Arc<str> = Arc::from(topic.topic.as_str());
        // Partition -1 holds records whose partition is not decided yet.
        let decided = topic.partitions.values().filter(|p| p.partition >= 0);
        partitions.extend(decided.map(|partition| partition_stats(&name, partition)));
    }
    partitions.sort_by(|a, b| a.partition.cmp(&b.partition));
    let mut stats = ClientStats::new(&statistics.name, kind);
    stats.queued_records = statistics.msg_cnt;
    stats.queued_bytes = statistics.msg_size;
    stats.brokers = brokers;
    stats.partitions = partitions;
    stats
}

fn broker_stats(broker: &Broker) -> BrokerStats {
    BrokerStats {
        name: broker.name.clone(),
        id: broker.nodeid,
        up: broker.state == "UP",
        outbox: count(broker.outbuf_cnt),
        in_flight: count(broker.waitresp_cnt),
        round_trip: broker.rtt.as_ref().and_then(round_trip),
    }
}

fn round_trip(window: &Window) -> Option<RoundTrip> {
    let micros = |value| Duration::from_micros(count(value));
    (window.cnt > 0).then(|| RoundTrip {
        average: micros(window.avg),
        p90: micros(window.p90),
        p99: micros(window.p99),
    })
}

fn partition_stats(topic: &Arc<str>, partition: &Partition) -> PartitionStats {
    PartitionStats {
        partition: TopicPartition {
            topic: Arc::clone(topic),
            partition: partition.partition,
        },
        lag: u64::try_from(partition.consumer_lag_stored).ok(),
        prefetched: count(partition.fetchq_cnt),
        prefetched_bytes: partition.fetchq_size,
        queued: count(partition.msgq_cnt) + count(partition.xmit_msgq_cnt),
    }
}

/// Librdkafka says -1 for what it does not know.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_librdkafka_does_not_know_is_not_a_figure() {
        for (said, lag) in [(-1, None), (0, Some(0)), (7, Some(7))] {
            let partition = Partition {
                consumer_lag_stored: said,
                ..Partition::default()
            };
            assert_eq!(partition_stats(&Arc::from("t"), &partition).lag, lag);
        }
        assert_eq!(round_trip(&Window::default()), None);
    }

    #[test]
    fn round_trips_are_in_microseconds() {
        let window = Window {
            cnt: 1,
            avg: 1500,
            p90: 2000,
            p99: 3000,
            ..Window::default()
        };
        let trip = round_trip(&window).unwrap();
        assert_eq!(trip.average, Duration::from_micros(1500));
        assert_eq!(trip.p99, Duration::from_millis(3));
    }

    #[test]
    fn addresses_to_start_from_and_undecided_partitions_are_left_out() {
        let mut statistics = Statistics::default();
        for (id, source) in [(-1, "configured"), (1, "learned"), (-1, "logical")] {
            let broker = Broker {
                nodeid: id,
                source: source.to_owned(),
                name: format!("{source}/{id}"),
                state: "UP".to_owned(),
                ..Broker::default()
            };
            statistics.brokers.insert(broker.name.clone(), broker);
        }
        let mut topic = rdkafka::statistics::Topic {
            topic: "orders.requests".to_owned(),
            ..Default::default()
        };
        for number in [-1, 0, 1] {
            let partition = Partition {
                partition: number,
                ..Partition::default()
            };
            topic.partitions.insert(number, partition);
        }
        statistics.topics.insert(topic.topic.clone(), topic);
        let stats = client_stats(ClientKind::Producer, &statistics);
        assert_eq!(stats.brokers.len(), 1);
        assert!(stats.brokers[0].up);
        let numbers: Vec<i32> = stats
            .partitions
            .iter()
            .map(|stats| stats.partition.partition)
            .collect();
        assert_eq!(numbers, [0, 1]);
    }
}
