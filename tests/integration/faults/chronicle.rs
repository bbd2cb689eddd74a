//! What happened in a run on real systems.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Buf as _;
use harness::{Log, Stage, eventually};
use ipc_core::testing::model::{End, Event, History, Kind, Operation, Promise, What, check};
use parking_lot::Mutex;

/// Violations that are told of; more say no more.
const TOLD: usize = 10;

/// A history that is being written, by the wall clock: the broker's own timestamps fit into it.
#[derive(Clone)]
pub(super) struct Chronicle(Arc<Inner>);

struct Inner {
    began: SystemTime,
    history: Mutex<History>,
}

impl Chronicle {
    pub(super) fn begin() -> Self {
        Self(Arc::new(Inner {
            began: SystemTime::now(),
            history: Mutex::default(),
        }))
    }

    /// Notes that the log has taken a record that nobody can work on.
    pub(super) fn poisoned(&self, (partition, offset): (i32, i64)) {
        self.note(What::Poisoned { partition, offset });
    }

    pub(super) fn note(&self, what: What) {
        let mut history = self.0.history.lock();
        let at = self.0.began.elapsed().unwrap_or_default();
        history.events.push(Event { at, what });
    }

    /// Adds the operation that `of` makes of its number, and notes that it is invoked.
    pub(super) fn invoke(&self, of: impl FnOnce(u32) -> Operation) -> (u32, Operation) {
        let mut history = self.0.history.lock();
        let number = history.operations.len() as u32;
        let operation = of(number);
        history.operations.push(operation.clone());
        drop(history);
        self.note(What::Invoked { operation: number });
        (number, operation)
    }

    /// Waits until a call and a one-way under each of `keys` have ended well that were invoked from now on.
    pub(super) async fn goes_on(&self, keys: u32) -> Result<()> {
        let before = self.invoked();
        eventually("everybody is served", async || {
            Ok(self.served_since(before) >= 2 * keys as usize)
        })
        .await
    }

    /// Under how many keys calls, and under how many one-ways, have ended well since operation `before`.
    fn served_since(&self, before: usize) -> usize {
        let history = self.0.history.lock();
        let mut served: Vec<(u32, bool)> = Vec::new();
        for event in history.events.iter().rev() {
            match &event.what {
                What::Invoked { operation } if *operation as usize == before => break,
                What::Ended {
                    operation,
                    end: End::Reply { .. } | End::Acknowledged,
                } if *operation as usize >= before => {
                    let operation = &history.operations[*operation as usize];
                    served.push((operation.key, operation.kind == Kind::Call));
                }
                _ => {}
            }
        }
        served.sort_unstable();
        served.dedup();
        served.len()
    }

    /// How many operations have been invoked.
    fn invoked(&self) -> usize {
        self.0.history.lock().operations.len()
    }

    /// Waits until so many operations have ended otherwise than well that were invoked from now on.
    pub(super) async fn fails(&self, times: usize) -> Result<()> {
        let before = self.invoked();
        eventually("callers notice", async || {
            Ok(self.failed_since(before) >= times)
        })
        .await
    }

    /// How many that were invoked later than the first `before` have ended otherwise than well.
    fn failed_since(&self, before: usize) -> usize {
        let history = self.0.history.lock();
        let failed = history.events.iter().filter(|event| match &event.what {
            What::Ended { operation, end } => {
                *operation as usize >= before
                    && !matches!(end, End::Reply { .. } | End::Acknowledged)
            }
            _ => false,
        });
        failed.count()
    }

    /// Adds what instances in other processes have written down of their effects.
    pub(super) async fn take_effects(&self, log: &Log, topic: &str) -> Result<()> {
        let effects = log.all(topic).await?;
        ensure!(!effects.is_empty(), "none of them did anything");
        for written in effects {
            let line = str::from_utf8(&written.payload)?;
            let Some((instance, work)) =
                line.strip_prefix("done ").and_then(|it| it.split_once(' '))
            else {
                continue;
            };
            let place = |name| written.text(name).context("an effect without a place");
            self.note_at(
                written.timestamp,
                What::Effect {
                    instance: instance.parse()?,
                    work: work.parse()?,
                    partition: place("partition")?.parse()?,
                    offset: place("offset")?.parse()?,
                },
            )?;
        }
        Ok(())
    }

    /// Notes what happened at this time, in milliseconds since 1970.
    fn note_at(&self, timestamp: i64, what: What) -> Result<()> {
        let began = self.0.began.duration_since(SystemTime::UNIX_EPOCH)?;
        let at = Duration::from_millis(u64::try_from(timestamp)?).saturating_sub(began);
        self.0.history.lock().events.push(Event { at, what });
        Ok(())
    }

    /// Waits until the service has finished everything, and asks what must hold of the history and of what the log
    /// says.
    pub(super) async fn judge(&self, stage: &Stage) -> Result<History> {
        self.judge_but_for(None, stage).await
    }

    /// The same, where one promise is not given.
    pub(super) async fn judge_but_for(
        &self,
        exempt: impl Into<Option<Promise>>,
        stage: &Stage,
    ) -> Result<History> {
        let exempt = exempt.into();
        let log = Log::of(stage.bootstrap())?;
        let requests = stage.requests();
        eventually("everything is finished", async || {
            let ends = log.ends(&requests).await?;
            Ok(log.committed(stage.name(), &requests).await? == ends)
        })
        .await?;
        for letter in log.all(&stage.dead_letters()).await? {
            let number = |name| letter.header(name);
            let work = str::from_utf8(&letter.payload).ok();
            self.note_at(
                letter.timestamp,
                What::DeadLetter {
                    work: work.and_then(|work| work.parse().ok()),
                    reason: letter.text("ipc-dlq-reason").unwrap_or_default().to_owned(),
                    partition: number("kafka_dlt-original-partition")
                        .map_or(-1, |mut bytes| bytes.try_get_i32().unwrap_or(-1)),
                    offset: number("kafka_dlt-original-offset")
                        .map_or(-1, |mut bytes| bytes.try_get_i64().unwrap_or(-1)),
                },
            )?;
        }
        let commits = log.commits(stage.name(), &requests).await?;
        ensure!(!commits.is_empty(), "nothing was ever committed");

        for commit in commits {
            // at the latest: the broker leaves the fraction of a millisecond away
            self.note_at(
                commit.timestamp + 1,
                What::Committed {
                    partition: commit.partition,
                    offset: commit.offset,
                },
            )?;
        }
        let mut history = self.0.history.lock().clone();
        history.events.sort_by_key(|event| event.at);
        let mut violations = check(&history);
        violations.retain(|it| Some(it.promise) != exempt);
        if violations.is_empty() {
            return Ok(history);
        }
        let told: Vec<_> = violations
            .iter()
            .take(TOLD)
            .map(ToString::to_string)
            .collect();
        bail!("{} violations:\n{}", violations.len(), told.join("\n"))
    }
}
