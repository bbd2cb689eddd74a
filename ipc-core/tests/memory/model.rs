//! The model holds, and would not if there were a bug.

use ipc_core::testing::model::{Bug, History, Trial, check};
use tokio::runtime::Builder;

use super::system::TestResult;

/// Within so many seeds every bug must show.
const SEEDS: u64 = 2_000;

fn run(trial: Trial) -> TestResult<History> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(trial.run())
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
    for seed in 0..SEEDS {
        let history = run(Trial::new(seed))?;
        let violations = check(&history);
        assert!(violations.is_empty(), "{violations:#?}\n{history}");
    }
    Ok(())
}

#[test]
fn every_planted_bug_is_found() -> TestResult {
    let mut hidden = Vec::new();
    for bug in Bug::ALL {
        let mut is_found = false;
        for seed in 0..SEEDS {
            let history = run(Trial::new(seed).plant(*bug))?;
            is_found = !check(&history).is_empty();
            if is_found {
                break;
            }
        }
        if !is_found {
            hidden.push(bug);
        }
    }
    assert!(
        hidden.is_empty(),
        "{hidden:?} show in none of {SEEDS} seeds"
    );
    Ok(())
}
