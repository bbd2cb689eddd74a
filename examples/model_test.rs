//! Your own handlers under faults: instances that die between two steps, records and
//! acknowledgements that are lost or repeated, partitions that move. A checker says
//! which promise breaks, and the same seed breaks it again.
//!
//! Run with: `cargo test -p ipc-examples --test model_test`
//!
//! You see two tests pass. The first finds the bug of a handler that remembers what it
//! has done by itself, in its instance's memory: when its partition moves, the next
//! instance does not remember. The second lets the framework remember, and nothing is
//! found.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use ipc_core::client::ServiceClient;
use ipc_core::extract::{IdempotencyKey, Offset, Partition};
use ipc_core::prelude::*;
use ipc_core::testing::model::{End, Operation, Probe, Promise, Trial, check};
use parking_lot::Mutex;

/// What a handler can reach: its card processor, and what it remembers.
#[derive(Clone)]
struct Cards {
    processor: Probe,
    done: Arc<Mutex<HashSet<String>>>,
}

/// Naive: looks up what it has done, does it, and remembers.
#[endpoint(POST "/naive/{card}/{charge}", key = card)]
async fn naive(
    State(cards): State<Cards>,
    Path((_card, charge)): Path<(u32, u32)>,
    key: Option<IdempotencyKey>,
    from: Partition,
    offset: Offset,
) -> Json<u32> {
    let key = key.map(|key| key.0.to_string());
    if key
        .as_ref()
        .is_none_or(|key| !cards.done.lock().contains(key))
    {
        let work = cards.processor.begin(charge, &from, offset).await;
        work.effect().await;
        cards.done.lock().extend(key);
        work.end().await;
    }
    Json(charge)
}

/// The same without a memory of its own.
#[endpoint(POST "/sound/{card}/{charge}", key = card, idempotency = optional)]
async fn sound(
    State(cards): State<Cards>,
    Path((_card, charge)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
) -> Json<u32> {
    let work = cards.processor.begin(charge, &from, offset).await;
    work.effect().await;
    work.end().await;
    Json(charge)
}

fn app(processor: Probe) -> App {
    let done = Arc::default();
    let app = App::new().endpoints(endpoints![naive, sound]);
    let app = app.expect("the routes differ");
    app.with_state(Cards { processor, done })
}

/// Calls one of the two, as an operation says.
macro_rules! calling {
    ($endpoint:ident) => {
        async |service: ServiceClient, operation: Operation| {
            let request = $endpoint::request(operation.key, operation.work);
            let mut call = service.call(request).timeout(operation.timeout);
            if let Some(key) = operation.idempotency_key() {
                call = call.idempotency_key(key);
            }
            End::of(call.await, |charge| charge)
        }
    };
}

#[tokio::test(start_paused = true)]
async fn the_naive_handler_charges_twice_and_is_found_out() -> Result<()> {
    for seed in 0..200 {
        let trial = Trial::new(seed).serving(app, calling!(naive));
        let history = trial.run().await.map_err(|error| anyhow!("{error}"))?;
        let found = check(&history);
        if found.iter().any(|it| it.promise == Promise::OneEffect) {
            return Ok(());
        }
    }
    Err(anyhow!("no seed shows the bug"))
}

#[tokio::test(start_paused = true)]
async fn the_sound_handler_does_not() -> Result<()> {
    for seed in 0..100 {
        let trial = Trial::new(seed).serving(app, calling!(sound));
        let history = trial.run().await.map_err(|error| anyhow!("{error}"))?;
        let found = check(&history);
        anyhow::ensure!(found.is_empty(), "seed {seed}: {found:?}");
    }
    Ok(())
}
