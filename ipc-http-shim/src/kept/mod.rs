//! Reply streams that outlive their client's connection for a while, so that it can go on
//! with them where it was.
//!
//! Of each the newest records are kept, which may have been lost with the connection. What
//! follows stays unread: the credit of reply streams holds their service back, as behind
//! any client that is slow.

mod keeping;
pub(crate) mod metrics;
mod places;
mod position;
mod running;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use http::{HeaderMap, Method, StatusCode, Uri};
use ipc_core::envelope::Problem;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::upstream::ReplyRecord;
use keeping::Keeping;
use metrics::{KeptMetrics, Outcome, Reason};
use places::{Place, Places};
pub(crate) use position::Position;
use running::{Attached, Reader, Running};

/// What a stream brings: an error is the last.
type Item = Result<ReplyRecord, Problem>;
type Records = BoxStream<'static, Item>;

/// What a stream was asked for with: nobody else may go on with it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    /// How its route is called.
    pub(crate) route: Arc<str>,
    /// Who has asked, where that is not anybody.
    pub(crate) owner: Option<String>,
    pub(crate) method: Method,
    pub(crate) target: Uri,
}

/// How its answer began.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many streams, those that are read among them.
    pub(crate) streams: usize,
    /// How many bytes of records of each, and one record at least.
    pub(crate) bytes: usize,
    /// How long each waits for its client to come back.
    pub(crate) grace: Duration,
}

/// What a client gets that comes back.
pub(crate) enum Resumed {
    /// What it misses, and what follows.
    Stream(Arc<Head>, Records),
    /// Nothing: it has everything.
    Complete,
    /// Its stream cannot be gone on with here.
    Gone,
}

/// The streams that are kept.
#[derive(Debug)]
pub(crate) struct KeptStreams {
    places: Arc<Mutex<Places>>,
    tasks: TaskTracker,
    draining: CancellationToken,
    metrics: KeptMetrics,
}

impl KeptStreams {
    /// They end with `draining`.
    pub(crate) fn new(metrics: &KeptMetrics, draining: CancellationToken) -> Self {
        Self {
            places: Arc::default(),
            tasks: TaskTracker::new(),
            draining,
            metrics: metrics.clone(),
        }
    }

    /// Keeps a stream from its beginning on, and answers with its records for its first
    /// reader. Where there is no place for it the records are given back as they were.
    pub(crate) fn keep(
        &self,
        id: &str,
        asked: Arc<Asked>,
        head: Head,
        records: Records,
        bounds: Bounds,
    ) -> Records {
        let id: Arc<str> = id.into();
        let (attaches, attached) = mpsc::channel(1);
        let place = Place {
            asked: Arc::clone(&asked),
            head: Arc::new(head),
            attaches,
        };
        let taken = self
            .places
            .lock()
            .take(Arc::clone(&id), place, bounds.streams);
        let Ok(gone) = taken else { return records };
        if let Some(gone) = gone {
            self.metrics.given_up(&gone.asked.route, Reason::room);
        }
        let keeping = Keeping {
            id,
            asked,
            places: Arc::clone(&self.places),
            metrics: self.metrics.clone(),
            grace: bounds.grace,
        };
        let (reader, told) = Reader::new(None);
        let running = Running::new(records, bounds.bytes);
        let draining = self.draining.clone();
        self.tasks.spawn(async move {
            let run = keeping.run(running, reader, attached);
            draining.run_until_cancelled(run).await
        });
        read(told)
    }

    /// Goes on with a stream where its client stands, if it was asked for with the same.
    ///
    /// # Cancel safety
    ///
    /// Safe: the stream goes on waiting.
    pub(crate) async fn resume(&self, position: Position<'_>, asked: &Asked) -> Resumed {
        let place = self.places.lock().get(position.stream).cloned();
        let place = place.filter(|place| *place.asked == *asked);
        let attached = match &place {
            Some(place) => place.attach(position.seq).await,
            None => None,
        };
        let (resumed, outcome) = match (place, attached) {
            (Some(place), Some(Attached::Resumed(records))) => {
                let resumed = Resumed::Stream(place.head, read(records));
                (resumed, Outcome::resumed)
            }
            (_, Some(Attached::Complete)) => (Resumed::Complete, Outcome::complete),
            _ => (Resumed::Gone, Outcome::anew),
        };
        self.metrics.came_back(&asked.route, outcome);
        resumed
    }

    /// Waits until none is kept any more. They end with the draining.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn read(mut records: mpsc::Receiver<Item>) -> Records {
    stream::poll_fn(move |cx| records.poll_recv(cx)).boxed()
}
