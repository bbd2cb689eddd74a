use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use parking_lot::Mutex;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};

use super::headers::{CORRELATION_ID, REQUEST, headers};
use super::id::Id;
use super::{PATIENCE, Place, Producer, producer, send};
use crate::load::{Recorder, Schedule};
use crate::ours::BODY;

/// How long a thread that only hears waits before it looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(100);

/// Where a partition ends. A leader just elected says for a moment that it is none.
fn end(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<i64> {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition};
    let until = Instant::now() + PATIENCE;
    loop {
        let error = match consumer.fetch_watermarks(topic, partition, PATIENCE) {
            Ok((_, end)) => return Ok(end),
            Err(error) => error,
        };
        let code = error.rdkafka_error_code();
        let passes = matches!(code, Some(LeaderNotAvailable | NotLeaderForPartition));
        if !passes || Instant::now() >= until {
            return Err(error).with_context(|| format!("no end of {topic} [{partition}]"));
        }
        // nothing is assigned yet, so this only waits
        consumer.poll(TURN);
    }
}

/// Sends requests and hears replies on one thread, which is as cheap as it gets.
pub(super) struct Caller {
    place: Place,
    /// Where it hears replies.
    partition: i32,
    producer: Arc<Producer>,
    consumer: BaseConsumer,
    /// Tells replies to this load from those to earlier ones.
    run: u32,
}

impl Caller {
    pub(super) fn start(place: Place, partition: i32) -> Result<Self> {
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
        let end = end(&consumer, &place.replies, partition)?;
        let mut replies = TopicPartitionList::new();
        replies.add_partition_offset(&place.replies, partition, Offset::Offset(end))?;
        consumer.assign(&replies)?;
        let mut client = Self {
            producer: Arc::new(producer),
            place,
            partition,
            consumer,
            run: 0,
        };
        let unheeded = Mutex::new(Recorder::new());
        client.closed(1, Duration::ZERO, &unheeded)?;
        Ok(client)
    }

    pub(super) fn closed(
        &mut self,
        in_flight: usize,
        span: Duration,
        recorder: &Mutex<Recorder>,
    ) -> Result<()> {
        self.run += 1;
        if !self.place.effort.hands_over {
            return self.keep_open(in_flight, span, recorder, &mut || self.answered());
        }
        let (hears, heard) = mpsc::channel();
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let hearing = scope.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    if let Some(nth) = self.hear(TURN)? {
                        hears.send(nth)?;
                    }
                }
                Ok(())
            });
            let next = &mut || heard.recv_timeout(PATIENCE).context("a reply did not come");
            let ended = self.keep_open(in_flight, span, recorder, next);
            has_ended.store(true, Ordering::Relaxed);
            let heard = hearing
                .join()
                .map_err(|_| anyhow!("the hearing thread panicked"));
            heard?.and(ended)
        })
    }

    /// So many at once until the time is up; `next` waits for an answer and says to which.
    fn keep_open(
        &self,
        in_flight: usize,
        span: Duration,
        recorder: &Mutex<Recorder>,
        next: &mut dyn FnMut() -> Result<usize>,
    ) -> Result<()> {
        let end = Instant::now() + span;
        let mut begun = vec![Instant::now(); in_flight];
        let mut missing = vec![self.place.records; in_flight];
        for caller in 0..in_flight {
            ask(&self.producer, &self.place, self.id(caller))?;
        }
        let mut open = in_flight;
        while open > 0 {
            let caller = next()?;
            self.place.effort.spend();
            missing[caller] -= 1;
            if missing[caller] > 0 {
                continue;
            }
            let now = Instant::now();
            recorder.lock().done(now - begun[caller]);
            if now < end {
                begun[caller] = now;
                missing[caller] = self.place.records;
                ask(&self.producer, &self.place, self.id(caller))?;
            } else {
                open -= 1;
            }
        }
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        per_second: u32,
        span: Duration,
        recorder: &Mutex<Recorder>,
    ) -> Result<()> {
        self.run += 1;
        let schedule = Schedule::new(per_second, span);
        let (producer, place, first) = (Arc::clone(&self.producer), self.place.clone(), self.id(0));
        let pacer = thread::spawn(move || {
            schedule.keep(|nth| ask(&producer, &place, Id { nth, ..first }).is_ok());
        });
        for _ in 0..schedule.calls {
            let nth = self.answered()?;
            recorder.lock().done(schedule.at(nth).elapsed());
        }
        // every request was answered, so it has ended
        let _ = pacer.join();
        Ok(())
    }

    fn id(&self, nth: usize) -> Id {
        Id {
            run: self.run,
            partition: self.partition,
            nth,
        }
    }

    /// Waits for a reply. Answers to which of this load's requests it is.
    fn answered(&self) -> Result<usize> {
        self.hear(PATIENCE)?.context("a reply did not come")
    }

    /// The same for so long.
    fn hear(&self, patience: Duration) -> Result<Option<usize>> {
        loop {
            let Some(message) = self.consumer.poll(patience) else {
                return Ok(None);
            };
            let message = message?;
            let id = message
                .headers()
                .and_then(|headers| headers.iter().find(|header| header.key == CORRELATION_ID))
                .and_then(|header| header.value)
                .context("a reply without a correlation id")?;
            ensure!(message.payload() == Some(BODY.as_bytes()), "another body");
            let id = Id::read(id)?;
            if id.run == self.run {
                return Ok(Some(id.nth));
            }
        }
    }
}

fn ask(producer: &Producer, place: &Place, id: Id) -> Result<()> {
    let headers = headers(&id.bytes(), &REQUEST);
    send(producer, &place.requests, None, BODY.as_bytes(), headers)
}
