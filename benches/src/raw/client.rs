use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};

use super::headers::{CORRELATION_ID, REQUEST, headers};
use super::{PATIENCE, Place, Producer, producer, send};
use crate::load::{Load, Recorder, Sample, Schedule};
use crate::ours::BODY;
use crate::worker::Subject;

/// Sends requests and hears replies on one thread, which is as cheap as it gets.
pub(crate) struct RawClient {
    place: Place,
    producer: Arc<Producer>,
    consumer: BaseConsumer,
    /// Tells replies to this load from those to earlier ones.
    run: u64,
}

impl RawClient {
    pub(crate) fn start(place: Place) -> Result<Self> {
        let producer = producer(&place.bootstrap, &place.linger)?;
        // with the answer librdkafka asks for its producer id, without which it sends
        // nothing; it would look for a broker to ask only 500 ms after its start
        producer
            .client()
            .fetch_metadata(Some(&place.requests), PATIENCE)?;
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &place.bootstrap)
            .set("group.id", &place.replies)
            .set("enable.auto.commit", "false")
            .create()
            .context("no consumer")?;
        // by its number: `Offset::End` is looked up later, when a reply may be there
        let (_, end) = consumer.fetch_watermarks(&place.replies, 0, PATIENCE)?;
        let mut replies = TopicPartitionList::new();
        replies.add_partition_offset(&place.replies, 0, Offset::Offset(end))?;
        consumer.assign(&replies)?;
        let mut client = Self {
            producer: Arc::new(producer),
            place,
            consumer,
            run: 0,
        };
        client.closed(1, Duration::ZERO)?;
        Ok(client)
    }

    fn closed(&mut self, in_flight: usize, span: Duration) -> Result<Sample> {
        self.run += 1;
        let mut recorder = Recorder::new();
        let end = Instant::now() + span;
        let mut begun = vec![Instant::now(); in_flight];
        let mut missing = vec![self.place.records; in_flight];
        for caller in 0..in_flight {
            ask(&self.producer, &self.place, self.run, caller)?;
        }
        let mut open = in_flight;
        while open > 0 {
            let caller = self.answered()?;
            missing[caller] -= 1;
            if missing[caller] > 0 {
                continue;
            }
            let now = Instant::now();
            recorder.done(now - begun[caller]);
            if now < end {
                begun[caller] = now;
                missing[caller] = self.place.records;
                ask(&self.producer, &self.place, self.run, caller)?;
            } else {
                open -= 1;
            }
        }
        Ok(recorder.sample())
    }

    fn open(&mut self, per_second: u32, span: Duration) -> Result<Sample> {
        self.run += 1;
        let mut recorder = Recorder::new();
        let schedule = Schedule::new(per_second, span);
        let (producer, place, run) = (Arc::clone(&self.producer), self.place.clone(), self.run);
        let pacer = thread::spawn(move || {
            schedule.keep(|nth| ask(&producer, &place, run, nth).is_ok());
        });
        for _ in 0..schedule.calls {
            let nth = self.answered()?;
            recorder.done(schedule.at(nth).elapsed());
        }
        // every request was answered, so it has ended
        let _ = pacer.join();
        Ok(recorder.sample())
    }

    /// Waits for a reply. Answers to which of this load's requests it is.
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
            ensure!(message.payload() == Some(BODY.as_bytes()), "another body");
            let (run, nth) = id.split_at_checked(8).context("a short correlation id")?;
            if run == self.run.to_be_bytes() {
                return Ok(usize::from_be_bytes(nth.try_into()?));
            }
        }
    }
}

fn ask(producer: &Producer, place: &Place, run: u64, nth: usize) -> Result<()> {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&run.to_be_bytes());
    id[8..].copy_from_slice(&nth.to_be_bytes());
    let headers = headers(&id, &REQUEST);
    send(producer, &place.requests, BODY.as_bytes(), headers)
}

impl Subject for RawClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match *load {
            Load::Closed {
                in_flight, span, ..
            } => self.closed(in_flight, span),
            Load::Open {
                per_second, span, ..
            } => self.open(per_second, span),
            _ => bail!("this is a client by hand, it cannot do that"),
        }
    }
}
