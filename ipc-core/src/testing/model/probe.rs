//! How a handler under trial tells what it does.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

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

    /// A handler begins `work`, for the request that came from this place.
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
        work
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

    /// The handler returns, after a step.
    pub async fn end(self) {
        self.probe.step().await;
        self.probe.world.note(What::Returned {
            instance: self.probe.number,
            work: self.work,
        });
    }
}
