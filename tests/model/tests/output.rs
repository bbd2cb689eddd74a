//! What is printed where a promise is broken.

use std::error::Error;
use std::process::{Command, Output};

type TestResult = Result<(), Box<dyn Error>>;

/// Operations of a whole trial.
const OPERATIONS: usize = 48;

fn model(arguments: &[&str]) -> Result<Output, Box<dyn Error>> {
    let mut model = Command::new(env!("CARGO_BIN_EXE_ipc-model"));
    Ok(model.args(arguments).output()?)
}

#[test]
fn a_planted_bug_is_printed_with_a_minimal_history() -> TestResult {
    let output = model(&[
        "--plant",
        "CommitsEarly",
        "--seeds",
        "4",
        "--histories",
        "1",
    ])?;
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stdout)?;

    let seeds = printed.lines().filter(|line| line.starts_with("seed "));
    assert!(seeds.count() > 1, "{printed}");
    let (_, history) = printed
        .split_once("minimal history that breaks ")
        .ok_or("no minimal history")?;
    assert!(!history.contains("minimal history"), "{printed}");
    let operations = history
        .lines()
        .filter(|line| line.starts_with("operation "));
    let operations = operations.count();
    assert!((1..OPERATIONS / 2).contains(&operations), "{printed}");
    let shown = format!(": operations {operations}, faults ");
    assert!(history.contains(&shown), "{printed}");
    for event in [
        "Invoked {",
        "Began {",
        "Committed {",
        "unfinished records: ",
    ] {
        assert!(history.contains(event), "{event} is not in: {printed}");
    }
    assert!(
        printed.contains(" of 4 seeds broke a promise in 4 trials"),
        "{printed}"
    );
    Ok(())
}

#[test]
fn a_seed_is_tried_at_least_once_and_exactly_once() -> TestResult {
    let output = model(&["--seeds", "4"])?;
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(printed, "0 of 4 seeds broke a promise in 8 trials\n");

    let output = model(&["--plant", "CommitsApart", "--seeds", "8"])?;
    let printed = String::from_utf8(output.stdout)?;
    let mut seeds = printed.lines().filter(|line| line.starts_with("seed "));
    let is_of_transactions = |line: &str| line.ends_with(", exactly once");
    assert!(seeds.next().is_some_and(is_of_transactions), "{printed}");
    Ok(())
}

#[test]
fn a_bug_that_is_unknown_is_answered_with_those_that_are() -> TestResult {
    let output = model(&["--plant", "Nothing"])?;
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr)?;
    assert!(told.contains("CommitsEarly"), "{told}");
    Ok(())
}
