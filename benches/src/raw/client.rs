use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::headers::{CORRELATION_ID, REQUEST, headers};
use super::{PATIENCE, Place, Producer, producer, send};
use crate::load::{Load, Recorder, Sample};
use crate::ours::BODY;
use crate::worker::Subject;

/// Sends requests and hears replies on one thread, which is as cheap as it gets.
pub(crate) struct RawClient {
    place: Place,
    producer: Producer,
    consumer: BaseConsumer,
    /// Told apart from replies to earlier loads.
    run: u64,
}

impl RawClient {
    pub(crate) fn start(place: Place) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &place.bootstrap)
            .set("group.id", &place.replies)
            .set("enable.auto.commit", "false")
            .create()
            .context("no consumer")?;
        let mut replies = TopicPartitionList::new();
        replies.add_partition_offset(&place.replies, 0, Offset::Beginning)?;
        consumer.assign(&replies)?;
        let mut client = Self {
            producer: producer(&place)?,
            place,
            consumer,
            run: 0,
        };
        client.closed(1, Duration::ZERO)?;
        Ok(client)
    }

    fn closed(&mut self, in_flight: usize, span: Duration) -> Result<Sample> {
        self.run += 1;
        let mut recorder = Recorder::new()?;
        let end = Instant::now() + span;
        let mut begun = vec![Instant::now(); in_flight];
        for caller in 0..in_flight {
            self.ask(caller)?;
        }
        let mut open = in_flight;
        while open > 0 {
            let caller = self.answered()?;
            let now = Instant::now();
            let begun = begun.get_mut(caller).context("a reply to nobody")?;
            recorder.done(now - *begun);
            if now < end {
                *begun = now;
                self.ask(caller)?;
            } else {
                open -= 1;
            }
        }
        Ok(recorder.sample())
    }

    fn ask(&self, caller: usize) -> Result<()> {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.run.to_be_bytes());
        id[8..].copy_from_slice(&caller.to_be_bytes());
        let headers = headers(&id, &REQUEST);
        send(
            &self.producer,
            &self.place.requests,
            BODY.as_bytes(),
            headers,
        )
    }

    /// Waits for a reply. Answers which caller it is for.
    fn answered(&self) -> Result<usize> {
        loop {
            let message = self
                .consumer
                .poll(PATIENCE)
                .context("a reply did not come")??;
            let id = message
                .headers()
                .and_then(|headers| headers.iter().find(|header| header.key == CORRELATION_ID))
                .and_then(|header| header.value)
                .context("a reply without a correlation id")?;
            let (run, caller) = id.split_at_checked(8).context("a short correlation id")?;
            ensure!(message.payload() == Some(BODY.as_bytes()), "another body");
            if run == self.run.to_be_bytes() {
                return Ok(usize::from_be_bytes(caller.try_into()?));
            }
        }
    }
}

impl Subject for RawClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match *load {
            Load::Closed { in_flight, span } => self.closed(in_flight, span),
        }
    }
}
