//! Sending letters back, or deciding that they shall not be.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use super::pace::Pace;
use super::report::kind;
use super::revive::{Limits, revive};
use super::selection::Selection;
use super::survey::Survey;
use super::topics::Topics;
use super::window::Window;
use super::{DeadLetter, DeadLetters, Filter, Refusal, Report, RunError, State};
use crate::transport::{Outgoing, TopicPartition, TransportError};

/// A wait for the pace that is long enough to mark what was sent before it.
const LONG: Duration = Duration::from_millis(200);

/// How long nothing may be given to a run before it looks what the others do.
const GLANCE: Duration = Duration::from_secs(2);
/// How long another run may keep what is still to be done: longer than a group takes
/// to notice that a member has died.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far a run is.
type Watcher = Box<dyn FnMut(&Report) + Send>;

/// A redrive or a drop of dead letters, about to [`run`](Self::run).
#[must_use]
pub struct Run {
    letters: DeadLetters,
    filter: Filter,
    dry_run: bool,
    rate: Option<NonZeroU32>,
    limits: Limits,
    stop: CancellationToken,
    watcher: Watcher,
    report: Report,
}

impl Run {
    pub(super) fn new(letters: DeadLetters, filter: Filter, action: State) -> Self {
        Self {
            letters,
            filter,
            dry_run: false,
            rate: None,
            limits: Limits {
                max_replays: 3,
                allow_redacted: false,
                trust_principals: false,
            },
            stop: CancellationToken::new(),
            watcher: Box::new(|_| {}),
            report: Report::new(action, false),
        }
    }

    /// Touches nothing, and reports what would be done. Default: false.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self.report.dry_run = dry_run;
        self
    }

    /// Sends back at most so many letters a second. Default: as fast as it goes.
    pub fn rate(mut self, rate: NonZeroU32) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sends no record back more often than this. Default: 3.
    pub fn max_replays(mut self, max_replays: u32) -> Self {
        self.limits.max_replays = max_replays.into();
        self
    }

    /// Sends letters back too whose credentials were removed. Default: false.
    pub fn allow_redacted(mut self, allow_redacted: bool) -> Self {
        self.limits.allow_redacted = allow_redacted;
        self
    }

    /// Sends letters back too that say who sent them: their handlers do again what was
    /// asked in somebody's name. It is believed for as long as the endpoint's `max_age`
    /// after it was asked. Default: false.
    pub fn trust_principals(mut self, trust_principals: bool) -> Self {
        self.limits.trust_principals = trust_principals;
        self
    }

    /// Stops, in order, when `stop` is cancelled: what was sent is marked.
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Shows the report as it stands, from time to time.
    pub fn watch(mut self, watcher: impl FnMut(&Report) + Send + 'static) -> Self {
        self.watcher = Box::new(watcher);
        self
    }

    /// Does it, partition by partition, each in the order of its log.
    ///
    /// Letters that are written while it runs are left to the next run. Where another
    /// run is under way on the same topic the two share the partitions.
    ///
    /// # Errors
    ///
    /// When the log does not answer, or does not take a record. The error has the
    /// report of what was done.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave up to 100 letters of one partition sent back and
    /// not marked so: the next run repeats them. [`until`](Self::until) does not.
    pub async fn run(mut self) -> Result<Report, RunError> {
        match self.work().await {
            Ok(()) => Ok(self.report),
            Err(source) => Err(RunError {
                report: Box::new(self.report),
                source,
            }),
        }
    }

    async fn work(&mut self) -> Result<(), TransportError> {
        let mut surveys = BTreeMap::new();
        for survey in self.letters.survey(&self.filter).await? {
            let selected = survey.selected(&self.filter).len() as u64;
            self.report.selected += selected;
            self.report.reasons.extend(survey.reasons.iter().cloned());
            if selected > 0 {
                surveys.insert(survey.partition.clone(), survey);
            }
        }
        (self.watcher)(&self.report);
        if surveys.is_empty() {
            return Ok(());
        }
        if self.dry_run {
            return self.rehearse(surveys).await;
        }
        let letters = self.letters.clone();
        let lease = Lease::join(&*letters.transport, &letters.topic.name).await?;
        let worked = self.work_through(surveys, &lease).await;
        lease.leave().await;
        worked
    }

    /// What would be done, without a word to the log.
    async fn rehearse(
        &mut self,
        surveys: BTreeMap<TopicPartition, Survey>,
    ) -> Result<(), TransportError> {
        let transport = Arc::clone(&self.letters.transport);
        let mut topics = Topics::default();
        for (partition, survey) in surveys {
            let wanted = survey.selected(&self.filter);
            let opened = Selection::open(&*transport, partition, wanted).await?;
            let Some(mut selection) = opened else {
                continue;
            };
            while let Some(letter) = selection.next().await? {
                if self.stop.is_cancelled() {
                    self.report.stopped = true;
                    return Ok(());
                }
                if self.report.action == State::Dropped
                    || self.record_of(&letter, &mut topics).await?.is_some()
                {
                    self.report.settle(kind(&letter));
                }
                (self.watcher)(&self.report);
            }
        }
        Ok(())
    }

    async fn work_through(
        &mut self,
        mut surveys: BTreeMap<TopicPartition, Survey>,
        lease: &Lease,
    ) -> Result<(), TransportError> {
        let stop = self.stop.clone();
        let mut pace = Pace::new(self.rate);
        let mut topics = Topics::default();
        let mut since = Instant::now();
        while !surveys.is_empty() && !self.report.stopped {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.report.stopped = true;
                    break;
                }
                next = timeout(GLANCE, lease.next()) => next,
            };
            let Ok(next) = next else {
                self.look_around(&mut surveys).await?;
                if since.elapsed() < PATIENCE {
                    continue;
                }
                return Err(lease.denied(surveys.keys()));
            };
            let worked = match surveys.remove(&next) {
                Some(survey) => self.settle(survey, lease, &mut pace, &mut topics).await,
                None => Ok(()),
            };
            lease.finish();
            worked?;
            since = Instant::now();
        }
        Ok(())
    }

    /// Leaves out what another run has seen to meanwhile. It keeps its partitions until
    /// it ends, and may itself be waiting for ours.
    async fn look_around(
        &mut self,
        surveys: &mut BTreeMap<TopicPartition, Survey>,
    ) -> Result<(), TransportError> {
        for survey in surveys.values_mut() {
            survey.catch_up(&*self.letters.transport).await?;
        }
        let filter = &self.filter;
        let settled = surveys.extract_if(.., |_, survey| survey.selected(filter).is_empty());
        let settled = settled.map(|(partition, _)| partition.partition);
        self.report.handed_over.extend(settled);
        Ok(())
    }

    /// One partition, from its first letter to its last.
    async fn settle(
        &mut self,
        mut survey: Survey,
        lease: &Lease,
        pace: &mut Pace,
        topics: &mut Topics,
    ) -> Result<(), TransportError> {
        let transport = Arc::clone(&self.letters.transport);
        // Another run may have been here between the survey and the lease.
        survey.catch_up(&*transport).await?;
        let partition = survey.partition.clone();
        let wanted = survey.selected(&self.filter);
        let opened = Selection::open(&*transport, partition.clone(), wanted).await?;
        let Some(mut selection) = opened else {
            return Ok(());
        };
        let mut window = Window::new(&*transport, &partition, self.report.action);
        let filled = loop {
            match selection.next().await {
                Ok(Some(_)) if self.stop.is_cancelled() => {
                    self.report.stopped = true;
                    break Ok(());
                }
                Ok(Some(_)) if lease.is_leaving() => {
                    self.report.handed_over.push(partition.partition);
                    break Ok(());
                }
                Ok(Some(letter)) => {
                    if let Err(error) = self.take(&letter, &mut window, pace, topics).await {
                        break Err(error);
                    }
                    (self.watcher)(&self.report);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // Whatever went wrong, what was sent is marked.
        let closed = window.close(&mut self.report).await;
        (self.watcher)(&self.report);
        filled.and(closed)
    }

    /// One letter, on its way at least when this returns.
    async fn take(
        &mut self,
        letter: &DeadLetter,
        window: &mut Window<'_>,
        pace: &mut Pace,
        topics: &mut Topics,
    ) -> Result<(), TransportError> {
        if self.report.action == State::Dropped {
            window.drop_letter(letter, &mut self.report);
        } else if let Some(record) = self.record_of(letter, topics).await? {
            if pace.ahead() > LONG && !window.is_empty() {
                window.close(&mut self.report).await?;
            }
            pace.wait().await;
            window.send(letter, &record, &mut self.report).await?;
        }
        if window.is_full() {
            window.close(&mut self.report).await?;
        }
        Ok(())
    }

    /// What is to be sent of a letter; notes why where nothing is.
    async fn record_of(
        &mut self,
        letter: &DeadLetter,
        topics: &mut Topics,
    ) -> Result<Option<Outgoing>, TransportError> {
        let mut revived = revive(letter, self.limits);
        if let Ok(record) = &revived
            && !topics.has(&*self.letters.transport, &record.topic).await?
        {
            let topic = record.topic.to_string();
            revived = Err(Refusal::NoTopic { topic });
        }
        Ok(revived
            .map_err(|why| self.report.refuse(letter.place(), why))
            .ok())
    }
}
