//! One service and what talks to it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::handler::Handler;
use axum::routing::post;
use http::Request;
use ipc_core::client::{Client, ClientBuilder, Options, RecordKey};
use ipc_core::envelope::{Envelope, UnixMillis};
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::transport::memory::{Faults, MemoryCluster, MemoryTransport};
use ipc_core::transport::{
    Ack, Consumer, Event, Outgoing, Received, Start, TopicPartition, TopicSpec, Transport,
};
use tokio::sync::{Notify, mpsc};

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// Tells when it is dropped: what a handler holds shows when it is stopped.
pub(crate) struct Stopped(pub(crate) Arc<Notify>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A request under the record key `key`.
pub(crate) fn keyed(mut request: Request<Body>, key: &'static str) -> Request<Body> {
    let mut options = Options::default();
    options.key = RecordKey::Bytes(Bytes::from_static(key.as_bytes()));
    request.extensions_mut().insert(options);
    request
}

/// A cluster in memory.
#[derive(Clone)]
pub(crate) struct System(MemoryCluster);

impl System {
    pub(crate) fn new() -> Self {
        Self(MemoryCluster::new(1))
    }

    pub(crate) fn service(&self, name: &str) -> ServiceBuilder {
        Service::builder(name)
            .create_topics(3)
            .transport(Arc::new(self.0.transport()))
    }

    /// `orders` with `handler` behind `POST /work`, and a client of it. One
    /// partition: only the key tells the lanes apart.
    pub(crate) async fn working<H, T>(&self, handler: H) -> TestResult<(Service, Client)>
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        let app = Router::new().route("/work", post(handler));
        let orders = self.service("orders").create_topics(1).serve(app);
        Ok((orders.start().await?, self.client("web").await?))
    }

    /// A process of its own.
    pub(crate) fn transport(&self) -> Arc<MemoryTransport> {
        Arc::new(self.0.transport())
    }

    pub(crate) async fn client(&self, fleet: &str) -> TestResult<Client> {
        Ok(self.client_builder(fleet).connect(self.transport()).await?)
    }

    pub(crate) fn client_builder(&self, fleet: &str) -> ClientBuilder {
        Client::builder(fleet).create_topics(3)
    }

    /// The present, by the cluster's clock.
    pub(crate) fn now(&self) -> UnixMillis {
        self.0.transport().now()
    }

    pub(crate) fn set_faults(&self, faults: impl Faults + 'static) {
        self.0.set_faults(faults);
    }

    pub(crate) async fn topic(&self, name: &str, partitions: i32) -> TestResult {
        self.topic_like(TopicSpec::new(name, partitions)).await
    }

    pub(crate) async fn topic_like(&self, spec: TopicSpec) -> TestResult {
        Ok(self.0.transport().create_topics(&[spec]).await?)
    }

    pub(crate) async fn send(&self, topic: &str, envelope: Envelope) -> TestResult {
        let (ack, receipt) = Ack::pair();
        let record = Outgoing {
            topic: Arc::from(topic),
            partition: None,
            envelope,
        };
        self.0.transport().send(&record, ack);
        receipt.await?;
        Ok(())
    }

    /// The offset that `service` has committed for a partition of its requests.
    pub(crate) fn committed(&self, service: &str, partition: i32) -> Option<i64> {
        self.committed_in(service, &format!("{service}.requests"), partition)
    }

    /// The offset that a group has committed for a partition.
    pub(crate) fn committed_in(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let topic = Arc::from(topic);
        self.0
            .committed(group, &TopicPartition { topic, partition })
    }

    /// Everything written to a topic of `partitions`, from its beginning.
    pub(crate) async fn watch(&self, topic: &str, partitions: i32) -> TestResult<Watch> {
        let (sender, records) = mpsc::channel(1024);
        let mut readers = Vec::new();
        let transport = self.0.transport();
        for partition in 0..partitions {
            let sender = sender.clone();
            let inlet = move |event| {
                if let Event::Records(batch) = event {
                    for received in batch {
                        // A test that looks no more has seen what it wanted.
                        let _ = sender.try_send(received);
                    }
                }
            };
            let place = TopicPartition {
                topic: Arc::from(topic),
                partition,
            };
            let reader = transport
                .read(place, Start::Beginning, Box::new(inlet))
                .await?;
            readers.push(reader);
        }
        Ok(Watch {
            records,
            _readers: readers,
        })
    }
}

/// What is written to a topic, as long as this lives.
pub(crate) struct Watch {
    records: mpsc::Receiver<Received>,
    _readers: Vec<Consumer>,
}

impl Watch {
    /// The next record, if it is written within an hour of the paused clock.
    pub(crate) async fn next(&mut self) -> TestResult<Received> {
        let hour = Duration::from_secs(60 * 60);
        let next = tokio::time::timeout(hour, self.records.recv()).await?;
        Ok(next.ok_or("the readers have ended")?)
    }

    /// Whether everything written so far has been looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
