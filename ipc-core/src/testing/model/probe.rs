//! How a handler under trial tells what it does.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::history::What;
use super::mortal::Life;
use super::world::World;
use crate::extract::{Offset, Partition};

/// How long a step of a handler takes at most.
const STEP: Duration = Duration::from_millis(40);

/// One instance, as its handlers know it. What they do through it stands in the history.
#[derive(Clone)]
pub struct Probe {
    number: u32,
    world: World,
    life: Life,
}

impl Probe {
    pub(super) fn new(number: u32, world: World, life: Life) -> Self {
        Self {
            number,
            world,
            life,
        }
    }

    /// Which of all instances this is; no two have one number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Something that takes a while, as asking a database does. The instance may die
    /// here: then this never returns.
    pub async fn step(&self) {
        if !self.life.step() {
            return pending().await;
        }
        sleep(self.world.some_of(STEP)).await;
        if self.life.is_over() {
            pending().await
        }
    }

    /// A handler begins `work`, for the request that came from this place, and works at
    /// it for as long as the operation says.
    pub async fn begin(&self, work: u32, from: &Partition, offset: Offset) -> Work {
        self.step().await;
        let work = Work {
            probe: self.clone(),
            work,
            partition: from.0.partition,
            offset: offset.0,
        };
        self.world.note(What::Began {
            instance: self.number,
            work: work.work,
            partition: work.partition,
            offset: work.offset,
        });
        let takes = self.world.operation_of(work.work).map(|it| it.takes);
        let done = Instant::now() + takes.unwrap_or_default();
        while Instant::now() < done {
            self.step().await;
        }
        work
    }

    /// Whether this attempt at `work` is to fail.
    #[must_use]
    pub fn is_to_fail(&self, work: u32, attempt: u32) -> bool {
        let operation = self.world.operation_of(work);
        let retries = operation.and_then(|operation| operation.retries);
        retries.is_some_and(|retries| attempt <= retries.fails)
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Work that a handler has begun.
#[derive(Debug)]
#[must_use = "work has an effect and an end"]
pub struct Work {
    probe: Probe,
    work: u32,
    partition: i32,
    offset: i64,
}

impl Work {
    /// It has its effect, after a step.
    pub async fn effect(&self) {
        self.probe.step().await;
        self.probe.world.note(What::Effect {
            instance: self.probe.number,
            work: self.work,
            partition: self.partition,
            offset: self.offset,
        });
    }

    /// It fails, after a step. `attempt` is which attempt this is, from 1 on.
    pub async fn fail(self, attempt: u32) {
        self.probe.step().await;
        self.probe.world.note(What::Failed {
            instance: self.probe.number,
            work: self.work,
            attempt,
        });
    }

    /// The handler returns, after a step.
    pub async fn end(self) {
        self.probe.step().await;
        self.probe.world.note(What::Returned {
            instance: self.probe.number,
            work: self.work,
        });
    }
}
