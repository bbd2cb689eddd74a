use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use axum::Router;
use ipc_core::envelope::codec::{Codec, CodecError, Decode};
use ipc_core::handler::{HandlerError, Message, TopicHandler};
use ipc_core::service::Service;
use ipc_core::transport::kafka::KafkaConfig;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::load::{Load, Recorder, Sample};
use crate::raw::Log;
use crate::worker::Subject;

/// Reads one-way records with a typed handler that does nothing.
pub(crate) struct OurConsumer {
    log: Log,
    runtime: Runtime,
}

impl OurConsumer {
    pub(crate) fn start(log: Log) -> Result<Self> {
        Ok(Self {
            log,
            runtime: Runtime::new()?,
        })
    }

    async fn consume(&self, group: &str, records: u64) -> Result<Sample> {
        let seen = Arc::new(Seen::default());
        let handler = {
            let seen = Arc::clone(&seen);
            move |message: Message<Vec<u8>>| {
                std::hint::black_box(message.body);
                seen.one(records);
                async { Ok::<_, HandlerError>(()) }
            }
        };
        let topic = format!("{}.requests", self.log.name);
        let handler = TopicHandler::one_way_in::<Raw, _, Vec<u8>>(handler);
        let service = Service::builder(&self.log.name)
            .kafka(KafkaConfig::new(&self.log.bootstrap))
            .group_id(group)
            .create_topics(1)
            .topic(topic, handler)
            .serve(Router::new())
            .start()
            .await?;
        seen.enough.notified().await;
        let begun = seen.begun.get().context("no record was seen")?;
        let sample = Sample {
            done: records,
            ..begun.sample()
        };
        service.stop().await;
        Ok(sample)
    }
}

/// How far the handler is.
#[derive(Default)]
struct Seen {
    count: AtomicU64,
    /// Set by the first record.
    begun: OnceLock<Recorder>,
    enough: Notify,
}

impl Seen {
    fn one(&self, enough: u64) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if count == 1 {
            // it is the first, so nobody has set it
            let _ = self.begun.set(Recorder::new());
        }
        if count == enough {
            self.enough.notify_one();
        }
    }
}

impl Subject for OurConsumer {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match load {
            Load::Consume { group, records } => {
                self.runtime.block_on(self.consume(group, *records))
            }
            _ => bail!("this is a consumer"),
        }
    }
}

/// Bytes as they are.
struct Raw;

impl Codec for Raw {
    const NAME: &'static str = "raw";
    const CONTENT_TYPE: &'static str = "application/octet-stream";

    fn reads(_content_type: &str) -> bool {
        true
    }
}

impl Decode<Vec<u8>> for Raw {
    fn decode(body: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(body.to_vec())
    }
}
