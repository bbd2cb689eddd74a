//! What the Kafka library tells of its clients, where statistics are turned on.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::ClientKind;
use super::labels::{BrokerLabels, ClientLabels, RoundTripFigure, RoundTripLabels};

type Seconds = Gauge<f64, AtomicU64>;

/// The latest state of every client of this process.
///
/// Clients come and go, and their names with them, so series are kept by what a
/// client is for: queues and connections of the same kind are added up, and of
/// their round trips the slowest is shown.
#[derive(Debug)]
pub struct KafkaMetrics {
    queue_records: Family<ClientLabels, Gauge>,
    queue_bytes: Family<ClientLabels, Gauge>,
    connections: Family<BrokerLabels, Gauge>,
    waiting: Family<BrokerLabels, Gauge>,
    in_flight: Family<BrokerLabels, Gauge>,
    round_trip: Family<RoundTripLabels, Seconds>,
    clients: Mutex<BTreeMap<String, ClientState>>,
}

/// What one client told last.
#[derive(Clone, Debug)]
pub(crate) struct ClientState {
    pub(crate) kind: ClientKind,
    pub(crate) queue_records: u64,
    pub(crate) queue_bytes: u64,
    pub(crate) brokers: Vec<BrokerState>,
}

/// What it told of one broker.
#[derive(Clone, Debug)]
pub(crate) struct BrokerState {
    pub(crate) broker: i32,
    pub(crate) connected: bool,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    pub(crate) round_trips: Vec<(RoundTripFigure, Duration)>,
}

impl KafkaMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            queue_records: Family::default(),
            queue_bytes: Family::default(),
            connections: Family::default(),
            waiting: Family::default(),
            in_flight: Family::default(),
            round_trip: Family::default(),
            clients: Mutex::default(),
        };
        registry.register(
            "kafka_queue_records",
            "Records that wait in clients: to be acknowledged, or to be taken over",
            metrics.queue_records.clone(),
        );
        registry.register_with_unit(
            "kafka_queue",
            "Size of the records that wait in clients",
            Unit::Bytes,
            metrics.queue_bytes.clone(),
        );
        registry.register(
            "kafka_broker_connections",
            "Connections that stand",
            metrics.connections.clone(),
        );
        registry.register(
            "kafka_broker_waiting_requests",
            "Requests that wait to be sent to a broker",
            metrics.waiting.clone(),
        );
        registry.register(
            "kafka_broker_in_flight_requests",
            "Requests that wait for a broker's answer",
            metrics.in_flight.clone(),
        );
        registry.register_with_unit(
            "kafka_broker_round_trip",
            "From a request to a broker's answer, in the latest interval",
            Unit::Seconds,
            metrics.round_trip.clone(),
        );
        metrics
    }

    /// Takes what a client tells; what it told before is forgotten.
    pub(crate) fn observed(&self, client: &str, state: ClientState) {
        self.clients.lock().insert(client.to_owned(), state);
    }

    /// Forgets a client.
    pub(crate) fn closed(&self, client: &str) {
        self.clients.lock().remove(client);
    }

    /// Brings the gauges up to what was told. They stay so until the guard is
    /// dropped, so that no reader finds them half made.
    pub(super) fn show(&self) -> impl Sized + '_ {
        let clients = self.clients.lock();
        self.clear();
        clients.values().for_each(|state| self.add(state));
        clients
    }

    fn clear(&self) {
        self.queue_records.clear();
        self.queue_bytes.clear();
        self.connections.clear();
        self.waiting.clear();
        self.in_flight.clear();
        self.round_trip.clear();
    }

    fn add(&self, state: &ClientState) {
        let client = state.kind;
        let of_client = ClientLabels { client };
        grow(&self.queue_records, &of_client, state.queue_records);
        grow(&self.queue_bytes, &of_client, state.queue_bytes);
        for told in &state.brokers {
            let broker = told.broker;
            let of_broker = BrokerLabels { client, broker };
            grow(&self.connections, &of_broker, told.connected.into());
            grow(&self.waiting, &of_broker, told.waiting);
            grow(&self.in_flight, &of_broker, told.in_flight);
            for (figure, took) in &told.round_trips {
                let slowest = self.round_trip.get_or_create_owned(&RoundTripLabels {
                    client,
                    broker,
                    figure: *figure,
                });
                slowest.set(slowest.get().max(took.as_secs_f64()));
            }
        }
    }
}

fn grow<L>(family: &Family<L, Gauge>, labels: &L, by: u64)
where
    L: Clone + std::hash::Hash + Eq,
{
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    family.get_or_create(labels).inc_by(by);
}
