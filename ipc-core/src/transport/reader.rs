//! Reading one partition up to its end: for those who look at a topic once.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{Consumer, Event, Inlet, Received, Start, TopicPartition, Transport, TransportError};

/// How long neither a record nor the end may come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads one partition, outside any group, until its end.
pub struct Reader {
    from: TopicPartition,
    shelf: Arc<Shelf>,
    #[expect(dead_code, reason = "ends the reading when it is dropped")]
    consumer: Consumer,
}

/// Between the consumer's thread and the reader.
#[derive(Default)]
struct Shelf {
    taken: Mutex<Taken>,
    news: Notify,
}

#[derive(Default)]
struct Taken {
    records: VecDeque<Received>,
    at_end: bool,
    trouble: Option<String>,
}

/// Puts what comes on the shelf; fetches nothing while it is not empty.
struct Filler(Arc<Shelf>);

impl Inlet for Filler {
    fn take(&mut self, event: Event) {
        let mut taken = self.0.taken.lock();
        match event {
            Event::Records(batch) => taken.records.extend(batch),
            Event::Troubled(reason) => taken.trouble = Some(reason),
            Event::Assigned(_) | Event::Revoked(_) => {}
            Event::Closed => taken.at_end = true,
        }
        self.0.news.notify_one();
    }

    fn is_behind(&self) -> bool {
        !self.0.taken.lock().records.is_empty()
    }

    fn looks_for_end(&self) -> bool {
        true
    }

    fn at_end(&mut self) {
        self.0.taken.lock().at_end = true;
        self.0.news.notify_one();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// When the topic or partition does not exist or no broker answers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the reading.
    pub async fn open(
        transport: &dyn Transport,
        from: TopicPartition,
        start: Start,
    ) -> Result<Self, TransportError> {
        let shelf = Arc::new(Shelf::default());
        let filler = Filler(Arc::clone(&shelf));
        let consumer = transport
            .read(from.clone(), start, Box::new(filler))
            .await?;
        Ok(Self {
            from,
            shelf,
            consumer,
        })
    }

    /// The next record; `None` once everything that was there is read.
    ///
    /// # Errors
    ///
    /// When the partition is silent for 30 s before its end.
    ///
    /// # Cancel safety
    ///
    /// Safe: no record is lost.
    pub async fn next(&mut self) -> Result<Option<Received>, TransportError> {
        loop {
            {
                let mut taken = self.shelf.taken.lock();
                if let Some(record) = taken.records.pop_front() {
                    return Ok(Some(record));
                }
                if taken.at_end {
                    return Ok(None);
                }
            }
            let news = timeout(PATIENCE, self.shelf.news.notified()).await;
            news.map_err(|_| self.silence())?;
        }
    }

    fn silence(&self) -> TransportError {
        let trouble = self.shelf.taken.lock().trouble.take();
        let trouble = trouble.unwrap_or_else(|| "no reason is known".to_owned());
        TransportError::unreachable(format!(
            "partition {} is silent for {PATIENCE:?} ({trouble}): check that its leader is up",
            self.from
        ))
    }
}
