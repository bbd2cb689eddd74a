//! What happened in a run on real systems.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Result, bail, ensure};
use bytes::Buf as _;
use harness::{Log, Stage, eventually};
use ipc_core::testing::model::{End, Event, History, Kind, Operation, What, check};
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
    pub(super) fn invoked(&self) -> usize {
        self.0.history.lock().operations.len()
    }

    /// How many that were invoked later than the first `before` have ended otherwise than well.
    pub(super) fn failed_since(&self, before: usize) -> usize {
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

    /// Waits until the service has finished everything, and asks what must hold of the history and of what the log
    /// says.
    pub(super) async fn judge(&self, stage: &Stage) -> Result<History> {
        let log = Log::of(stage.bootstrap())?;
        let requests = stage.requests();
        eventually("everything is finished", async || {
            let ends = log.ends(&requests).await?;
            Ok(log.committed(stage.name(), &requests).await? == ends)
        })
        .await?;
        for letter in log.all(&stage.dead_letters()).await? {
            let number = |name| letter.header(name);
            let path = letter.text(":path");
            self.note(What::DeadLetter {
                work: path.and_then(|path| path.rsplit('/').next()?.parse().ok()),
                partition: number("kafka_dlt-original-partition")
                    .map_or(-1, |mut bytes| bytes.try_get_i32().unwrap_or(-1)),
                offset: number("kafka_dlt-original-offset")
                    .map_or(-1, |mut bytes| bytes.try_get_i64().unwrap_or(-1)),
            });
        }
        let commits = log.commits(stage.name(), &requests).await?;
        ensure!(!commits.is_empty(), "nothing was ever committed");

        let mut history = self.0.history.lock().clone();
        let began = self.0.began.duration_since(SystemTime::UNIX_EPOCH)?;
        for commit in commits {
            // at the latest: the broker leaves the fraction of a millisecond away
            let at = Duration::from_millis(u64::try_from(commit.timestamp)? + 1);
            let what = What::Committed {
                partition: commit.partition,
                offset: commit.offset,
            };
            let at = at.saturating_sub(began);
            history.events.push(Event { at, what });
        }
        history.events.sort_by_key(|event| event.at);
        let violations = check(&history);
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
