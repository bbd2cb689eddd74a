//! Statistics as the gauges of `/metrics`.

use std::time::Duration;

use super::{BrokerStats, ClientStats, PartitionStats, RoundTrip, StatsSink};
use crate::metrics::{BrokerState, ClientKind, ClientState, Metrics, RoundTripFigure};

/// Keeps the gauges of queues, brokers and lag, which `docs/metrics.md` lists.
impl StatsSink for Metrics {
    fn observe(&self, stats: &ClientStats) {
        self.kafka().observed(&stats.client, client_state(stats));
        for partition in &stats.partitions {
            let place = &partition.partition;
            if let Some(lag) = partition.lag {
                let gauges = self.partition(&place.topic, place.partition);
                gauges.lag(i64::try_from(lag).unwrap_or(i64::MAX));
            }
        }
    }

    fn closed(&self, client: &str) {
        self.kafka().closed(client);
    }
}

fn client_state(stats: &ClientStats) -> ClientState {
    let fetched = |of: fn(&PartitionStats) -> u64| stats.partitions.iter().map(of).sum();
    let (queue_records, queue_bytes) = match stats.kind {
        ClientKind::Producer => (stats.queued_records, stats.queued_bytes),
        ClientKind::Group | ClientKind::Reader => (
            fetched(|partition| partition.prefetched),
            fetched(|partition| partition.prefetched_bytes),
        ),
    };
    ClientState {
        kind: stats.kind,
        queue_records,
        queue_bytes,
        brokers: stats.brokers.iter().map(broker_state).collect(),
    }
}

fn broker_state(stats: &BrokerStats) -> BrokerState {
    BrokerState {
        broker: stats.id,
        connected: stats.up,
        waiting: stats.outbox,
        in_flight: stats.in_flight,
        round_trips: stats.round_trip.map_or_else(Vec::new, figures),
    }
}

fn figures(round_trip: RoundTrip) -> Vec<(RoundTripFigure, Duration)> {
    vec![
        (RoundTripFigure::Average, round_trip.average),
        (RoundTripFigure::P90, round_trip.p90),
        (RoundTripFigure::P99, round_trip.p99),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TopicPartition;

    const MILLI: Duration = Duration::from_millis(1);

    fn broker(id: i32, up: bool, round_trip: Option<Duration>) -> BrokerStats {
        BrokerStats {
            id,
            up,
            outbox: 1,
            in_flight: 2,
            round_trip: round_trip.map(|took| RoundTrip {
                average: took,
                p90: took * 2,
                p99: took * 3,
            }),
            ..BrokerStats::default()
        }
    }

    fn producer(name: &str, queued: u64, brokers: Vec<BrokerStats>) -> ClientStats {
        let mut stats = ClientStats::new(name, ClientKind::Producer);
        stats.queued_records = queued;
        stats.queued_bytes = queued * 10;
        stats.brokers = brokers;
        stats
    }

    fn assert_shows(metrics: &Metrics, lines: &[&str]) {
        let text = metrics.render();
        for line in lines {
            let shown = text.lines().any(|shown| shown == *line);
            assert!(shown, "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn clients_of_one_kind_are_added_up_and_their_slowest_round_trip_is_shown() {
        let metrics = Metrics::new();
        metrics.observe(&producer("a", 3, vec![broker(1, true, Some(MILLI))]));
        metrics.observe(&producer("b", 4, vec![broker(1, true, Some(5 * MILLI))]));
        assert_shows(
            &metrics,
            &[
                r#"ipc_kafka_queue_records{client="producer"} 7"#,
                r#"ipc_kafka_queue_bytes{client="producer"} 70"#,
                r#"ipc_kafka_broker_connections{client="producer",broker="1"} 2"#,
                r#"ipc_kafka_broker_waiting_requests{client="producer",broker="1"} 2"#,
                r#"ipc_kafka_broker_in_flight_requests{client="producer",broker="1"} 4"#,
                r#"ipc_kafka_broker_round_trip_seconds{client="producer",broker="1",figure="average"} 0.005"#,
                r#"ipc_kafka_broker_round_trip_seconds{client="producer",broker="1",figure="p99"} 0.015"#,
            ],
        );
    }

    #[test]
    fn what_a_client_told_before_or_until_it_closed_is_forgotten() {
        let metrics = Metrics::new();
        metrics.observe(&producer("a", 3, vec![broker(1, true, Some(MILLI))]));
        metrics.observe(&producer("a", 1, vec![broker(2, false, None)]));
        assert_shows(
            &metrics,
            &[
                r#"ipc_kafka_queue_records{client="producer"} 1"#,
                r#"ipc_kafka_broker_connections{client="producer",broker="2"} 0"#,
            ],
        );
        let text = metrics.render();
        assert!(!text.contains("broker=\"1\""), "{text}");
        assert!(
            !text.contains("round_trip_seconds{client=\"producer\""),
            "{text}"
        );
        metrics.closed("a");
        let text = metrics.render();
        assert!(!text.contains("client=\"producer\""), "{text}");
    }

    #[test]
    fn a_reader_s_queue_is_what_it_has_fetched() {
        let metrics = Metrics::new();
        let mut stats = ClientStats::new("c", ClientKind::Group);
        for number in 0..2 {
            let mut partition = PartitionStats::new(TopicPartition {
                topic: "orders.requests".into(),
                partition: number,
            });
            partition.prefetched = 5;
            partition.prefetched_bytes = 500;
            stats.partitions.push(partition);
        }
        metrics.observe(&stats);
        assert_shows(
            &metrics,
            &[
                r#"ipc_kafka_queue_records{client="group"} 10"#,
                r#"ipc_kafka_queue_bytes{client="group"} 1000"#,
            ],
        );
    }
}
