//! Whole services under load while something goes wrong, and what must hold of all that happened.
//!
//! Everything is written down as the [model](ipc_core::testing::model) does it, and its checker asks the questions:
//! nothing acknowledged is lost (I1), everything ends once and in time (I2), order holds for each key (I4), replies
//! are true (I5), commits pass nothing unfinished and never move back (I6), and nothing is left over (I12).

mod brokers;
mod chronicle;
mod dead_letters;
mod load;
mod members;
mod poison;
mod seams;
mod stores;
mod streams;
mod waiting;

use anyhow::Result;
use harness::Stage;
use ipc_core::service::Service;

use self::{
    chronicle::Chronicle,
    load::{Handlers, Load},
};

/// Partitions of every request topic here.
const PARTITIONS: i32 = 4;

/// Starts the instance `number` of the stage's service.
async fn instance(stage: &Stage, chronicle: &Chronicle, number: u32) -> Result<Service> {
    let app = load::app(Handlers {
        instance: number,
        chronicle: chronicle.clone(),
    });
    Ok(stage.service(PARTITIONS).serve(app).start().await?)
}
