//! Many records on one task, until one has to wait.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower::Service;

use super::idle::{Desk, Share};
use super::report::{How, Report, Ticket};
use super::work::{Work, Workshop};
use super::{Delivery, Outcome};

/// For so long a task keeps to itself what has become of its records.
const UNTOLD: Duration = Duration::from_millis(1);

/// A task that handles records, one share of them after the other. Each record is
/// handled up to its first wait; the one that waits keeps the task, with those that
/// follow it in its lane, and the others go on in another. Dropped early, as by a
/// panic, it does not take them along.
struct Worker<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    shop: Arc<Workshop>,
    service: S,
    desk: Arc<Desk>,
    /// What is left of its share.
    share: Share,
    /// What has become of records, until the engine is told.
    reports: Vec<Report>,
    /// The record that is being handled, until there is a report of it or it is
    /// its answer's to report.
    owed: Option<Ticket>,
    /// Whether the last one is settled.
    settled: bool,
}

/// Has `service` handle a share in the background, by a task that waits for one or by
/// a new one.
pub(super) fn begin<S>(shop: &Arc<Workshop>, service: &S, share: Share)
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Some(share) = shop.idle.take(share) else {
        return;
    };
    let worker = Worker {
        shop: Arc::clone(shop),
        service: service.clone(),
        desk: Arc::default(),
        share,
        reports: Vec::new(),
        owed: None,
        settled: false,
    };
    shop.spawn(worker.run());
}

impl<S> Worker<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    async fn run(mut self) {
        let shop = Arc::clone(&self.shop);
        let mut service = self.service.clone();
        loop {
            let mut tell_at = None;
            while let Some(work) = self.share.works.pop_front() {
                let ticket = work.ticket;
                if work.follows && (!self.settled || work.record.moving.is_cancelled()) {
                    self.settled = false;
                    self.report(ticket, How::NotBegun);
                    continue;
                }
                let now = Instant::now();
                if now >= *tell_at.get_or_insert(now + UNTOLD) {
                    self.tell();
                    tell_at = None;
                }
                self.owed = Some(ticket);
                self.settled = false;
                let mut run = pin!(shop.run(&mut service, work, now, self.share.since));
                let mut waited = false;
                let how = poll_fn(|cx| {
                    let polled = run.as_mut().poll(cx);
                    if polled.is_pending() && !waited {
                        waited = true;
                        self.hand_on();
                    }
                    polled
                })
                .await;
                self.owed = None;
                self.settled = matches!(how, Some(How::Settled(_) | How::Produced(_)));
                if let Some(how) = how {
                    self.report(ticket, how);
                }
            }
            self.tell();
            let spent = std::mem::take(&mut self.share.works);
            let Some(share) = shop.idle.wait(&self.desk, spent).await else {
                return;
            };
            self.share = share;
        }
    }

    /// Tells what is known, and lets those that are left go on elsewhere.
    fn hand_on(&mut self) {
        self.tell();
        let works = &mut self.share.works;
        let behind = works.iter().take_while(|work| work.follows).count();
        let works = works.split_off(behind);
        self.give(works);
    }

    fn give(&self, works: VecDeque<Work>) {
        if !works.is_empty() {
            let since = self.share.since;
            begin(&self.shop, &self.service, Share { works, since });
        }
    }

    fn report(&mut self, ticket: Ticket, how: How) {
        self.reports.push(Report { ticket, how });
    }

    fn tell(&mut self) {
        if !self.reports.is_empty() {
            self.shop.basket.put_all(self.reports.drain(..));
        }
    }
}

impl<S> Drop for Worker<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    fn drop(&mut self) {
        if let Some(ticket) = self.owed.take() {
            self.report(ticket, How::Unsettled);
        }
        self.tell();
        // Otherwise nothing is begun any more.
        if !self.shop.closed.is_cancelled() {
            let works = std::mem::take(&mut self.share.works);
            self.give(works);
        }
    }
}
