use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message, OwnedMessage};

use super::headers::{CORRELATION_ID, REPLY, STREAM, headers};
use super::id::Id;
use super::{Place, Producer, producer, send};
use crate::worker::Subject;

/// Answers every request with its own body, once or many times.
pub(crate) struct RawService {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl RawService {
    pub(crate) fn start(place: Place) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &place.bootstrap)
            .set("group.id", &place.requests)
            .set("auto.offset.reset", "earliest")
            .set("auto.commit.interval.ms", "1000")
            .create()
            .context("no consumer")?;
        consumer.subscribe(&[&place.requests])?;
        let producer = producer(&place.bootstrap, &place.linger)?;
        let ending = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ending);
        let heed = move |heard: &mut dyn FnMut(BorrowedMessage<'_>) -> Result<()>| {
            while !asked.load(Ordering::Relaxed) {
                if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                    heard(message?)?;
                }
            }
            Ok(())
        };
        let thread = thread::spawn(move || {
            if !place.effort.hands_over {
                return heed(&mut |request| answer(&producer, &place, &request));
            }
            let (passes, passed) = mpsc::channel::<OwnedMessage>();
            let (producer, place) = (&producer, &place);
            thread::scope(|scope| {
                // Gone when this is over, which ends the other thread.
                let passes = passes;
                scope.spawn(move || {
                    passed
                        .iter()
                        .try_for_each(|request| answer(producer, place, &request))
                });
                heed(&mut |request| Ok(passes.send(request.detach())?))
            })
        });
        Ok(Self { ending, thread })
    }
}

fn answer(producer: &Producer, place: &Place, request: &impl Message) -> Result<()> {
    let id = request
        .headers()
        .and_then(|headers| headers.iter().find(|header| header.key == CORRELATION_ID))
        .and_then(|header| header.value)
        .context("a request without a correlation id")?;
    let partition = Some(Id::read(id)?.partition);
    let body = request.payload().unwrap_or_default();
    if place.records == 1 {
        place.effort.spend();
        return send(
            producer,
            &place.replies,
            partition,
            body,
            headers(id, &REPLY),
        );
    }
    for _ in 0..place.records {
        place.effort.spend();
        send(
            producer,
            &place.replies,
            partition,
            body,
            headers(id, &STREAM),
        )?;
    }
    Ok(())
}

impl Subject for RawService {
    fn stop(self: Box<Self>) {
        self.ending.store(true, Ordering::Relaxed);
        // how it ended shows in what its client measured
        let _ = self.thread.join();
    }
}
