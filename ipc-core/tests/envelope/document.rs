//! The normative text says what the code does.

use std::collections::BTreeSet;

use ipc_core::dispatch::Reason;
use ipc_core::envelope::chain::MAX_LANES;
use ipc_core::envelope::control::MAX_PARTITIONS;
use ipc_core::envelope::deadline::SKEW;
use ipc_core::envelope::names::SENSITIVE;
use ipc_core::envelope::trace::MAX_STATE;

use super::names;

const DOCUMENT: &str = include_str!("../../../docs/wire-format.md");
const RELEASE: &str = include_str!("../golden/ipc-0.1.txt");

#[test]
fn every_name_in_the_code_stands_in_the_document() {
    let missing: Vec<_> = names::all()
        .into_iter()
        .chain(SENSITIVE.iter().copied())
        .filter(|name| !DOCUMENT.contains(&format!("`{name}`")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_name_of_ours_in_the_document_stands_in_the_code() {
    let named: BTreeSet<&str> = DOCUMENT
        .match_indices("ipc-")
        .map(|(at, _)| {
            let rest = &DOCUMENT[at..];
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            rest.split_at(end.unwrap_or(rest.len()))
        })
        .filter(|(_, rest)| !rest.starts_with('*'))
        .map(|(name, _)| name)
        .collect();
    assert!(named.len() > 20);
    let known = names::all();
    let unknown: Vec<_> = named.difference(&known).collect();
    assert_eq!(unknown, [&""; 0]);
}

#[test]
fn every_example_is_a_record_of_this_release() {
    let examples: Vec<&str> = DOCUMENT
        .split("```text\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(example, _)| example)
        .collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        let end = RELEASE
            .find(example)
            .map(|at| &RELEASE[at + example.len()..]);
        let complete = end.is_some_and(|rest| !rest.starts_with("    "));
        assert!(complete, "not a record of this release:\n{example}");
    }
}

#[test]
fn limits_are_those_of_the_code() {
    for row in [
        format!("| lanes in `ipc-chain` | {MAX_LANES} |"),
        format!("| partitions in `ipc-partitions` | {MAX_PARTITIONS} |"),
        format!("| bytes of `tracestate` passed on | {MAX_STATE} |"),
        format!("| past its deadline | {} ms |", SKEW.as_millis()),
    ] {
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}

#[test]
fn every_reason_for_a_dead_letter_is_listed() {
    let row = DOCUMENT
        .lines()
        .find(|line| line.starts_with("| `ipc-dlq-reason` |"))
        .unwrap();
    for reason in Reason::ALL {
        assert!(row.contains(&format!("`{}`", reason.as_str())), "{row}");
    }
}
