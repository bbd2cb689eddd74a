//! A producer, and the thread that takes its events.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::producer::{BaseProducer, ProducerContext};

use super::error::refused;
use crate::transport::TransportError;

/// Longest stay in one poll: how late the thread may end. Librdkafka sleeps for whole
/// milliseconds, and rdkafka spins through what is left of the last one: here that is
/// over by the time that the thread is awake again.
const POLL: Duration = Duration::from_micros(100_020);

/// What rdkafka's `ThreadedProducer` is, which takes a hundredth of a core while nothing
/// happens: it asks for 100 ms, and spins through the last one.
pub(super) struct Polled<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    is_over: Arc<AtomicBool>,
    polling: Option<JoinHandle<()>>,
}

impl<C: ProducerContext + 'static> Polled<C> {
    /// Blocks for a moment: makes threads and reads certificates.
    ///
    /// # Errors
    ///
    /// When librdkafka refuses the configuration, or there is no thread to be had.
    pub(super) fn new(config: &ClientConfig, context: C) -> Result<Self, TransportError> {
        let producer = BaseProducer::from_config_and_context(config, context);
        let producer = Arc::new(producer.map_err(|error| refused(&error))?);
        let is_over = Arc::new(AtomicBool::new(false));
        let (polled, over) = (Arc::clone(&producer), Arc::clone(&is_over));
        let polling = thread::Builder::new()
            .name("ipc-kafka-send".to_owned())
            .spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    polled.poll(POLL);
                }
            })
            .map_err(no_thread)?;
        Ok(Self {
            producer,
            is_over,
            polling: Some(polling),
        })
    }
}

fn no_thread(error: io::Error) -> TransportError {
    TransportError::other(format!("no thread for a producer: {error}"))
}

impl<C: ProducerContext + 'static> Deref for Polled<C> {
    type Target = BaseProducer<C>;

    fn deref(&self) -> &BaseProducer<C> {
        &self.producer
    }
}

impl<C: ProducerContext + 'static> Drop for Polled<C> {
    /// Waits for the thread: the producer goes with the last who has it.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(polling) = self.polling.take()
            && polling.join().is_err()
        {
            tracing::error!(target: "ipc::kafka", "a producer's thread has panicked");
        }
    }
}
