//! One producer of librdkafka that commits transactions. Every call blocks.

use std::error::Error;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Statistics};

use super::worker::NotMade;
use crate::metrics::ClientKind;
use crate::transport::kafka::config::{KafkaConfig, Role};
use crate::transport::kafka::hooks::Hooks;
use crate::transport::kafka::lent::{Lent, Membership};
use crate::transport::kafka::notes;
use crate::transport::kafka::polled::Polled;
use crate::transport::kafka::producer::{of_the_record, owned};
use crate::transport::kafka::report::Report;
use crate::transport::{Outgoing, Placed, Places, SendError, Transaction};

/// How long the records of a transaction may take to be acknowledged.
const WRITE: Duration = Duration::from_secs(8);
/// How long a question to the coordinator may take.
const ASK: Duration = Duration::from_secs(5);
/// Between two looks whether a full queue has room, or its books are closed.
const LOOK: Duration = Duration::from_micros(100);

/// What an attempt at a transaction came to.
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    /// Whether the producer may be used again.
    pub(super) sound: bool,
}

pub(super) enum Verdict {
    Committed(Places),
    /// Nothing of it is visible; another attempt may end otherwise.
    Aborted(String),
    /// The log never takes this record.
    Refused(usize, SendError),
    /// It must not be committed.
    Fenced,
    /// It is visible or not; where it is, there.
    Unknown(String, Places),
}

pub(super) struct Transactional {
    producer: Polled<Deliveries>,
}

impl Transactional {
    /// Makes a producer and shuts out every older one of the same id: what that left
    /// open is settled when this returns.
    pub(super) fn new(
        config: &KafkaConfig,
        hooks: Hooks,
        id: &str,
        within: Duration,
    ) -> Result<Self, NotMade> {
        let mut client = config.client(Role::Transactions);
        client.set("transactional.id", id);
        // Librdkafka refuses a longer one.
        if let Some(timeout) = client.get("transaction.timeout.ms").map(str::to_owned) {
            client.set("message.timeout.ms", timeout);
        }
        let deliveries = Deliveries {
            report: hooks.report(ClientKind::Producer),
            hooks,
            book: Book::default(),
        };
        let producer = Polled::new(&client, deliveries).map_err(NotMade::Misconfigured)?;
        producer
            .init_transactions(within)
            .map_err(NotMade::NotBegun)?;
        Ok(Self { producer })
    }

    pub(super) fn attempt(&self, transaction: &Transaction, of: &Lent) -> Ended {
        if let Err(error) = self.producer.begin_transaction() {
            return Ended {
                verdict: Verdict::Aborted(error.to_string()),
                sound: false,
            };
        }
        if let Err(verdict) = self.fill(transaction, of) {
            // Nothing was asked to be committed, so even where this fails nothing is.
            let aborted = self.producer.abort_transaction(ASK);
            let sound = aborted.is_ok();
            return Ended { verdict, sound };
        }
        let places = self.producer.client().context().book.places();
        match self.producer.commit_transaction(ASK) {
            Ok(()) => Ended {
                verdict: Verdict::Committed(places),
                sound: true,
            },
            Err(error) => Ended {
                verdict: Verdict::Unknown(error.to_string(), places),
                sound: false,
            },
        }
    }

    /// The records first: asking for the offsets at once makes librdkafka wait.
    fn fill(&self, transaction: &Transaction, of: &Lent) -> Result<(), Verdict> {
        self.write(&transaction.records)?;
        let metadata = match of.membership(&transaction.offsets) {
            _ if transaction.void.is_cancelled() => return Err(Verdict::Fenced),
            Membership::Fenced => return Err(Verdict::Fenced),
            Membership::Moving => {
                let why = "the consumer is joining its group".to_owned();
                return Err(Verdict::Aborted(why));
            }
            Membership::Member(metadata) => metadata,
        };
        notes::list(&transaction.offsets)
            .and_then(|offsets| {
                self.producer
                    .send_offsets_to_transaction(&offsets, &metadata, ASK)
            })
            .map_err(|error| Verdict::Aborted(error.to_string()))?;
        if transaction.void.is_cancelled() {
            return Err(Verdict::Fenced);
        }
        Ok(())
    }

    fn write(&self, records: &[Outgoing]) -> Result<(), Verdict> {
        let until = Instant::now() + WRITE;
        let book = &self.producer.client().context().book;
        book.open(records.len());
        for (index, record) in records.iter().enumerate() {
            self.send(index, record, until)?;
        }
        book.closed(until)?;
        // A commit looks for what is out more seldom.
        while self.producer.in_flight_count() > 0 && Instant::now() < until {
            self.producer.poll(LOOK);
        }
        Ok(())
    }

    fn send(&self, index: usize, record: &Outgoing, until: Instant) -> Result<(), Verdict> {
        let mut headers = owned(record).map_err(|error| Verdict::Refused(index, error))?;
        loop {
            let mut message: BaseRecord<'_, [u8], [u8], usize> =
                BaseRecord::with_opaque_to(&record.topic, index).headers(headers);
            message.partition = record.partition;
            message.key = record.envelope.key.as_deref();
            message.payload = record.envelope.payload.as_deref();
            let Err((error, message)) = self.producer.send(message) else {
                return Ok(());
            };
            let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !full || Instant::now() >= until {
                return Err(verdict(index, &record.topic, &error));
            }
            headers = message.headers.unwrap_or_default();
            self.producer.poll(LOOK);
        }
    }
}

/// What a record that did not get into the log means for its transaction.
fn verdict(index: usize, topic: &str, error: &KafkaError) -> Verdict {
    match of_the_record(error, topic) {
        Some(error) => Verdict::Refused(index, error),
        None => Verdict::Aborted(format!("record for topic {topic} not written: {error}")),
    }
}

/// Told of records, on the producer's polling thread.
struct Deliveries {
    hooks: Hooks,
    report: Report,
    book: Book,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.hooks.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.report.take(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hooks.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.hooks.generate_oauth_token(config)
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        self.book.enter(match result {
            Ok(message) => {
                let (partition, offset) = (message.partition(), message.offset());
                // A record that had to be sent again may lie where nobody says.
                Ok((index, (offset >= 0).then_some(Placed { partition, offset })))
            }
            Err((error, message)) => Err(verdict(index, message.topic(), error)),
        });
    }
}

/// What became of the records of the transaction under way.
#[derive(Default)]
struct Book {
    page: Mutex<Page>,
    changed: Condvar,
}

#[derive(Default)]
struct Page {
    /// Records of which nothing is known.
    missing: usize,
    /// Where each of the others lies, as far as that was told.
    places: Vec<Option<Placed>>,
    /// The first that did not get into the log.
    failed: Option<Verdict>,
}

impl Book {
    fn open(&self, records: usize) {
        *self.page.lock() = Page {
            missing: records,
            places: vec![None; records],
            failed: None,
        };
    }

    /// Where the records lie.
    fn places(&self) -> Places {
        self.page.lock().places.drain(..).collect()
    }

    fn enter(&self, settled: Result<(usize, Option<Placed>), Verdict>) {
        let mut page = self.page.lock();
        // Those of a transaction given up are not counted any more.
        page.missing = page.missing.saturating_sub(1);
        match settled {
            Ok((index, placed)) => {
                if let Some(place) = page.places.get_mut(index) {
                    *place = placed;
                }
            }
            Err(verdict) => {
                page.failed.get_or_insert(verdict);
            }
        }
        self.changed.notify_one();
    }

    /// Waits until every record is acknowledged.
    fn closed(&self, until: Instant) -> Result<(), Verdict> {
        let mut page = self.page.lock();
        loop {
            if let Some(verdict) = page.failed.take() {
                return Err(verdict);
            }
            if page.missing == 0 {
                return Ok(());
            }
            if self.changed.wait_until(&mut page, until).timed_out() {
                let missing = page.missing;
                let why = format!("{missing} records are not acknowledged after {WRITE:?}");
                return Err(Verdict::Aborted(why));
            }
        }
    }
}
