//! The service under trial.

use std::time::Duration;

use super::history::What;
use super::mortal::Life;
use super::world::World;
use crate::extract::{Offset, Partition};
use crate::prelude::*;

/// How long a handler takes at most, before its effect and after it.
const WORK: Duration = Duration::from_millis(40);

/// One instance, as its handlers know it.
#[derive(Clone)]
pub(super) struct Instance {
    pub(super) number: u32,
    pub(super) world: World,
    pub(super) life: Life,
}

impl Instance {
    async fn work(&self, work: u32, partition: i32, offset: i64) {
        let instance = self.number;
        self.pause().await;
        self.world.note(What::Began {
            instance,
            work,
            partition,
            offset,
        });
        self.pause().await;
        self.world.note(What::Effect {
            instance,
            work,
            partition,
            offset,
        });
        self.pause().await;
        self.world.note(What::Returned { instance, work });
    }

    /// A step at which the instance may die: then nothing follows.
    async fn pause(&self) {
        if !self.life.step() {
            return std::future::pending().await;
        }
        tokio::time::sleep(self.world.some_of(WORK)).await;
        if self.life.is_over() {
            std::future::pending().await
        }
    }
}

/// A call, whose reply names its work.
#[endpoint(POST "/calls/{key}/{work}", idempotency = optional, timeout = "3s", key = key)]
pub(super) async fn ask(
    State(instance): State<Instance>,
    Path((_key, work)): Path<(u32, u32)>,
    Partition(from): Partition,
    Offset(offset): Offset,
) -> Json<u32> {
    instance.work(work, from.partition, offset).await;
    Json(work)
}

/// A one-way.
#[endpoint(POST "/notes/{key}/{work}", one_way, idempotency = optional, timeout = "3s", key = key)]
pub(super) async fn tell(
    State(instance): State<Instance>,
    Path((_key, work)): Path<(u32, u32)>,
    Partition(from): Partition,
    Offset(offset): Offset,
) {
    instance.work(work, from.partition, offset).await;
}

pub(super) fn app(instance: Instance) -> App {
    let endpoints = App::new().endpoints(endpoints![ask, tell]);
    let app = endpoints.expect("the two routes differ");
    app.with_state(instance)
}
