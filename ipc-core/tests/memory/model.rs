//! The model holds, and would not if there were a bug.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ipc_core::testing::model::{Bug, History, Trial, check};
use tokio::runtime::Builder;

use super::system::TestResult;

/// So many seeds are tried of each kind, and within so many every bug must show.
const SEEDS: u64 = 2_000;

fn run(trial: Trial) -> Result<History, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let run = runtime.block_on(trial.run());
    run.map_err(|error| error.to_string())
}

/// The history of a seed that breaks a promise, looked for on every core.
fn broken(seeds: u64, trial: impl Fn(u64) -> Trial + Sync) -> TestResult<Option<History>> {
    let (next, is_found) = (AtomicU64::new(0), AtomicBool::new(false));
    let look = || {
        while !is_found.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let history = run(trial(seed))?;
            if !check(&history).is_empty() {
                is_found.store(true, Ordering::Relaxed);
                return Ok(Some(history));
            }
        }
        Ok(None)
    };
    let cores = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let lookers: Vec<_> = (0..cores).map(|_| scope.spawn(look)).collect();
        let mut found = None;
        for looker in lookers {
            let history: Result<_, String> = looker.join().expect("a trial panicked");
            found = found.or(history?);
        }
        Ok(found)
    })
}

#[test]
fn the_same_seed_gives_the_same_history() -> TestResult {
    for seed in 0..20 {
        let (one, other) = (run(Trial::new(seed))?, run(Trial::new(seed))?);
        assert_eq!(one.to_string(), other.to_string(), "seed {seed}");
    }
    Ok(())
}

#[test]
fn no_seed_breaks_a_promise() -> TestResult {
    if let Some(history) = broken(SEEDS, Trial::new)? {
        panic!("{:#?}\n{history}", check(&history));
    }
    Ok(())
}

#[test]
fn no_seed_gives_a_request_more_or_less_than_its_outputs_once() -> TestResult {
    if let Some(history) = broken(SEEDS, |seed| Trial::new(seed).exactly_once())? {
        panic!("{:#?}\n{history}", check(&history));
    }
    Ok(())
}

#[test]
fn every_planted_bug_is_found() -> TestResult {
    let mut hidden = Vec::new();
    for bug in Bug::ALL {
        let trial = |seed| match bug.is_of_transactions() {
            true => Trial::new(seed).exactly_once(),
            false => Trial::new(seed),
        };
        if broken(SEEDS, |seed| trial(seed).plant(*bug))?.is_none() {
            hidden.push(bug);
        }
    }
    assert!(
        hidden.is_empty(),
        "{hidden:?} show in none of {SEEDS} seeds"
    );
    Ok(())
}
