//! One service and what talks to it.

use std::error::Error;
use std::sync::Arc;

use ipc_core::client::Client;
use ipc_core::envelope::Envelope;
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::transport::memory::MemoryCluster;
use ipc_core::transport::{
    Ack, Consumer, Event, Outgoing, Received, Start, TopicPartition, TopicSpec, Transport,
};
use tokio::sync::mpsc;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// A cluster in memory.
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

    pub(crate) async fn client(&self, fleet: &str) -> TestResult<Client> {
        let transport = Arc::new(self.0.transport());
        Ok(Client::builder(fleet)
            .create_topics(3)
            .connect(transport)
            .await?)
    }

    pub(crate) async fn topic(&self, name: &str, partitions: i32) -> TestResult {
        let specs = [TopicSpec::new(name, partitions)];
        Ok(self.0.transport().create_topics(&specs).await?)
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
    pub(crate) async fn next(&mut self) -> TestResult<Received> {
        Ok(self.records.recv().await.ok_or("the readers have ended")?)
    }
}
