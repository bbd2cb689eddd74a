use std::hint::black_box;
use std::sync::Arc;

use ipc_core::transport::{Consumer, Event, Received, Subscription, TopicSpec, Transport as _};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::marked::Marked;
use super::{BATCH, TOPIC, WARM_UP, fill, runtime};

/// The transport's own share: a loop that reads the same records and marks each
/// batch, without any dispatch.
pub struct Bare {
    runtime: Runtime,
    transport: Arc<Marked>,
    consumer: Consumer,
    batches: mpsc::Receiver<Vec<Received>>,
}

impl Bare {
    /// A consumer with a batch in its log.
    pub fn ready() -> Self {
        let runtime = runtime();
        let (transport, consumer, batches) = runtime.block_on(async {
            let transport = Marked::new();
            let created = transport.create_topics(&[TopicSpec::new(TOPIC, 1)]).await;
            created.expect("the memory transport refuses nothing");
            let (sender, batches) = mpsc::channel(1);
            let inlet = move |event| {
                if let Event::Records(batch) = event {
                    let taken = sender.try_send(batch);
                    taken.expect("one batch is read before the next is written");
                }
            };
            let subscription = Subscription {
                group: Arc::from("bare"),
                topics: vec![Arc::from(TOPIC)],
            };
            let consumer = transport.subscribe(subscription, Box::new(inlet)).await;
            let consumer = consumer.expect("the memory transport refuses nothing");
            (transport, consumer, batches)
        });
        let mut scene = Self {
            runtime,
            transport,
            consumer,
            batches,
        };
        for _ in 0..WARM_UP {
            fill(&*scene.transport, None);
            scene.consume();
        }
        fill(&*scene.transport, None);
        scene
    }

    /// From the poll to the last record's offset being marked.
    pub fn consume(&mut self) {
        self.runtime.block_on(async {
            let mut left = BATCH;
            while left > 0 {
                let batch = self.batches.recv().await.expect("the consumer runs");
                left -= batch.len();
                let last = batch.last().map(|record| record.origin.clone());
                for record in batch {
                    black_box(record.envelope.payload);
                }
                if let Some(origin) = last {
                    self.consumer
                        .store(&[(origin.partition, origin.offset + 1)]);
                }
            }
        });
    }
}
