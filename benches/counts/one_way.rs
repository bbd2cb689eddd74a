use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use ipc_core::envelope::codec::{Codec, CodecError, Decode};
use ipc_core::handler::{HandlerError, Message, TopicHandler};
use ipc_core::service::Service;
use tokio::runtime::Runtime;

use super::marked::Marked;
use super::{BATCH, TOPIC, WARM_UP, fill, runtime};

/// A service with a typed one-way handler that does nothing, and a batch of
/// records in its log.
pub struct OneWay {
    runtime: Runtime,
    transport: Arc<Marked>,
    /// The offset after the last record in the log.
    end: i64,
    _service: Service,
}

impl OneWay {
    /// Its records have the key, and so a lane, or none.
    pub fn ready(key: Option<&'static [u8]>) -> Self {
        let runtime = runtime();
        let (transport, service) = runtime.block_on(async {
            let transport = Marked::new();
            let handler = |message: Message<[u8; 16]>| async move {
                black_box(message.body);
                Ok::<_, HandlerError>(())
            };
            let service = Service::builder("counted")
                .create_topics(1)
                .transport(Arc::clone(&transport) as _)
                .topic(TOPIC, TopicHandler::one_way_in::<Raw, _, [u8; 16]>(handler))
                .serve(Router::new())
                .start()
                .await
                .expect("the memory transport refuses nothing");
            service.assigned().await;
            (transport, service)
        });
        let mut scene = Self {
            runtime,
            transport,
            end: 0,
            _service: service,
        };
        for _ in 0..WARM_UP {
            scene.fill(key);
            scene.consume();
        }
        scene.fill(key);
        scene
    }

    fn fill(&mut self, key: Option<&'static [u8]>) {
        fill(&*self.transport, key);
        self.end += i64::try_from(BATCH).expect("a batch is small");
    }

    /// From the poll to the last record's offset being marked.
    pub fn consume(&self) {
        self.runtime.block_on(self.transport.reach(self.end));
    }
}

/// Sixteen bytes as they are.
struct Raw;

impl Codec for Raw {
    const NAME: &'static str = "raw";
    const CONTENT_TYPE: &'static str = "application/octet-stream";

    fn reads(_content_type: &str) -> bool {
        true
    }
}

impl Decode<[u8; 16]> for Raw {
    fn decode(body: &[u8]) -> Result<[u8; 16], CodecError> {
        body.try_into().map_err(|_| CodecError::Malformed {
            format: Self::NAME,
            reason: "not 16 bytes".to_owned(),
        })
    }
}
