//! How much a service can take.

mod backlog;
mod concurrency;
mod gradient;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::metrics::{LimitMetrics, Traffic};
use crate::config::{ConcurrencyBounds, Limits, ServiceMode};
use concurrency::{Concurrency, UnderWay};
use queue::{Queue, Queued};

/// How much a service can take: of requests somebody waits for, and apart from these of
/// those nobody does, which must not take their room.
#[derive(Debug)]
pub(crate) struct Service {
    live: Option<Arc<Concurrency>>,
    batch: Option<Arc<Concurrency>>,
    /// Of requests somebody waits for; others may wait as long as it takes.
    queue: Arc<Queue>,
    /// How much of its time a request may have to wait, in hundredths.
    bearable: u32,
}

/// A request on its way to a service.
#[derive(Debug)]
pub(crate) struct Passing {
    began: Instant,
    under_way: Option<UnderWay>,
    queued: Option<Queued>,
}

/// A service has more than it can take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Busy {
    /// As many requests are under way as it has room for; one usually takes so long.
    Full {
        /// How long one takes.
        usual: Option<Duration>,
    },
    /// A request would wait too long.
    Queue {
        /// How long it would wait.
        wait: Duration,
        /// How long it may.
        bearable: Duration,
    },
}

impl Service {
    /// The service of this name, which goes on with what `earlier` knows of it.
    pub(crate) fn new(
        name: &Arc<str>,
        limits: &Limits,
        metrics: &LimitMetrics,
        earlier: Option<&Self>,
    ) -> Self {
        let of = |traffic, earlier: Option<&Arc<Concurrency>>| {
            let bounds: ConcurrencyBounds = limits.concurrency?;
            let same = earlier.filter(|earlier| earlier.is_within(bounds));
            Some(same.map_or_else(
                || {
                    let shown = metrics.concurrency(name, traffic);
                    Arc::new(Concurrency::new(bounds, shown))
                },
                Arc::clone,
            ))
        };
        Self {
            live: of(Traffic::live, earlier.and_then(|it| it.live.as_ref())),
            batch: of(Traffic::batch, earlier.and_then(|it| it.batch.as_ref())),
            queue: earlier.map_or_else(|| Arc::new(Queue::new()), |it| Arc::clone(&it.queue)),
            bearable: limits.queue_share.into(),
        }
    }

    /// Lets a request pass that has so long.
    ///
    /// # Errors
    ///
    /// Where the service has more than it can take.
    pub(crate) fn enter(&self, mode: ServiceMode, timeout: Duration) -> Result<Passing, Busy> {
        // Read once: with some clocks that is dear.
        let now = Instant::now();
        let (concurrency, queued) = match mode {
            ServiceMode::OneWay | ServiceMode::Accepted => (&self.batch, None),
            ServiceMode::Call | ServiceMode::Stream | ServiceMode::WebSocket => {
                let wait = self.queue.wait(now);
                let bearable = timeout * self.bearable / 100;
                if wait > bearable {
                    return Err(Busy::Queue { wait, bearable });
                }
                (&self.live, Some(self.queue.enter()))
            }
        };
        let under_way = match concurrency {
            Some(concurrency) => Some(concurrency.enter().map_err(|usual| Busy::Full { usual })?),
            None => None,
        };
        Ok(Passing {
            began: now,
            under_way,
            queued,
        })
    }
}

impl Busy {
    /// When another attempt may go better.
    pub(crate) fn retry_after(self) -> Duration {
        match self {
            Self::Full { usual } => usual.unwrap_or(Duration::from_secs(1)),
            // What is in the queue goes on, and what is refused does not add to it.
            Self::Queue { wait, bearable } => wait.saturating_sub(bearable),
        }
    }
}

impl Passing {
    /// It was answered, by a reply that tells how long it was `queued` or does not.
    pub(crate) fn answered(self, queued: Option<Duration>) {
        let now = Instant::now();
        let round_trip = now - self.began;
        if let Some(under_way) = &self.under_way {
            under_way.took(now, round_trip);
        }
        if let Some(in_queue) = &self.queued {
            in_queue.answered(now, round_trip, queued);
        }
    }

    /// There was no answer in time.
    pub(crate) fn timed_out(self) {
        if let Some(under_way) = &self.under_way {
            let now = Instant::now();
            under_way.took(now, now - self.began);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn service(limits: &Limits) -> Service {
        Service::new(&"orders".into(), limits, &LimitMetrics::default(), None)
    }

    /// Leaves so many calls under way after a second in which as many were answered
    /// that had waited for so long.
    async fn queue(service: &Service, calls: usize, queued: Duration) -> Vec<Passing> {
        let enter = || {
            service
                .enter(ServiceMode::Call, TIMEOUT)
                .expect("it passes")
        };
        let answered: Vec<Passing> = std::iter::repeat_with(enter).take(calls).collect();
        let waiting = std::iter::repeat_with(enter).take(calls).collect();
        advance(Duration::from_secs(1)).await;
        for call in answered {
            call.answered(Some(queued));
        }
        advance(Duration::from_millis(250)).await;
        waiting
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_would_wait_beyond_half_its_time_is_refused_until_it_would_not() {
        let service = service(&Limits::default());
        // Some 1000 are answered in a quarter of a second, and 8000 wait.
        let waiting = queue(&service, 1000, Duration::from_millis(950)).await;
        let more = |calls| -> Vec<Passing> {
            let enter = || service.enter(ServiceMode::Call, Duration::MAX / 100);
            let entered = std::iter::repeat_with(enter).take(calls);
            entered.map(|it| it.expect("it has the time")).collect()
        };
        let waiting = (waiting, more(7000));

        let busy = service.enter(ServiceMode::Call, TIMEOUT);
        let Err(Busy::Queue { wait, bearable }) = busy else {
            panic!("it would wait: {busy:?}");
        };
        assert_eq!(bearable, TIMEOUT / 2);
        assert!(wait > Duration::from_millis(1900), "{wait:?}");
        assert!(service.enter(ServiceMode::OneWay, TIMEOUT).is_ok());
        assert!(service.enter(ServiceMode::Call, TIMEOUT * 10).is_ok());

        drop(waiting);
        assert!(service.enter(ServiceMode::Call, TIMEOUT).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_nobody_waits_for_have_room_of_their_own() {
        let limits = Limits {
            concurrency: Some(ConcurrencyBounds {
                initial: 1,
                min: 1,
                max: 1,
            }),
            ..Limits::default()
        };
        let service = service(&limits);

        let _one_way = service.enter(ServiceMode::OneWay, TIMEOUT).expect("room");
        let full = service
            .enter(ServiceMode::OneWay, TIMEOUT)
            .expect_err("none");
        assert_eq!(full, Busy::Full { usual: None });
        let _call = service.enter(ServiceMode::Call, TIMEOUT).expect("room");
        let full = service.enter(ServiceMode::Call, TIMEOUT).expect_err("none");
        assert_eq!(full, Busy::Full { usual: None });
    }
}
