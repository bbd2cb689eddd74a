//! The tests that the documentation names are there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PROMISES: &str = "docs/delivery-semantics.md";
/// Where the tests are that a name begins with, as the document says.
const SUITES: &[(&str, &str)] = &[
    ("kafka", "tests/integration"),
    ("memory", "ipc-core/tests/memory"),
    ("core", "ipc-core/src"),
    ("loom", "tests/loom/tests"),
    ("shim", "ipc-http-shim/tests/shim"),
    ("cli", "ipc-cli/tests/cli"),
];

#[test]
fn every_promise_names_tests_that_are_there() -> Result<()> {
    let document = fs::read_to_string(Path::new(ROOT).join(PROMISES))?;
    let mut named = BTreeSet::new();
    let mut faults = Vec::new();
    for row in rows(&document) {
        let tests: Vec<&str> = row
            .held_by
            .split('`')
            .filter(|it| it.contains("::"))
            .collect();
        if tests.is_empty() {
            faults.push(format!("no test holds: {}", row.promise));
        }
        named.extend(tests);
    }
    ensure!(named.len() > 50, "only {} tests are named", named.len());
    for name in named {
        if let Err(error) = find(name) {
            faults.push(format!("{name}: {error:#}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn a_test_that_is_not_there_is_told() {
    for name in [
        "memory::calls::no_such_test",
        "memory::no_such_file::a_call",
        "nowhere::calls::a_dropped_call_stops_its_handler",
    ] {
        assert!(find(name).is_err(), "{name}");
    }
    assert!(find("memory::calls::a_dropped_call_stops_its_handler").is_ok());
}

struct Row<'a> {
    promise: &'a str,
    held_by: &'a str,
}

/// The rows of every table whose last column is "held by".
fn rows(document: &str) -> impl Iterator<Item = Row<'_>> {
    let mut within = false;
    document.lines().filter_map(move |line| {
        let cells = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |"));
        let Some((promise, held_by)) = cells.and_then(|it| it.rsplit_once(" | ")) else {
            within &= line.starts_with("|--");
            return None;
        };
        if held_by == "held by" {
            within = true;
            return None;
        }
        within.then_some(Row { promise, held_by })
    })
}

/// Looks up `suite::module::test`.
fn find(name: &str) -> Result<()> {
    let (place, test) = name.rsplit_once("::").context("no module")?;
    let mut modules = place.split("::");
    let suite = modules.next().unwrap_or_default();
    let (_, folder) = SUITES
        .iter()
        .find(|(name, _)| *name == suite)
        .context("no such suite")?;
    let mut file = Path::new(ROOT).join(folder);
    file.extend(modules);
    let source = read(&file).with_context(|| format!("no file {}", file.display()))?;
    ensure!(source.contains(&format!("fn {test}(")), "no such test");
    Ok(())
}

fn read(module: &Path) -> Result<String> {
    let candidates: [PathBuf; 2] = [module.with_extension("rs"), module.join("mod.rs")];
    for file in &candidates {
        if file.exists() {
            return Ok(fs::read_to_string(file)?);
        }
    }
    anyhow::bail!("neither {} nor its folder", candidates[0].display())
}
