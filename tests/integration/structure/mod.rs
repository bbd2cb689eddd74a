//! The strata of ipc-core import downwards only.

mod imports;
mod rules;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use walkdir::WalkDir;

use self::{
    imports::{Import, imports},
    rules::{BRIDGES, CRATES, FOLDERS, UNBOUND, allows, broken, top},
};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ipc-core/src");

#[test]
fn ipc_core_imports_downwards_only() -> Result<()> {
    let mut read = BTreeSet::new();
    let mut faults = BTreeSet::new();
    for entry in WalkDir::new(SOURCES) {
        let entry = entry?;
        let file = entry.path().strip_prefix(SOURCES)?;
        if file.extension().is_some_and(|extension| extension == "rs") && !holds_tests(file) {
            let file = file.to_str().context("a path is not UTF-8")?;
            let source = fs::read_to_string(entry.path())?;
            faults.extend(faults_of(file, &source).with_context(|| file.to_owned())?);
            read.insert(top(file).to_owned());
        }
    }
    assert!(faults.is_empty(), "{}", Vec::from_iter(faults).join("\n"));
    assert!(
        read.is_superset(&BTreeSet::from(
            ["lib", "envelope", "transport"].map(str::to_owned)
        )),
        "{read:?}"
    );
    Ok(())
}

#[test]
fn every_rule_about_folders_can_be_broken_and_kept() -> Result<()> {
    for (from, allowed) in FOLDERS {
        for (to, _) in FOLDERS {
            let faults = faults_of(
                &format!("{from}/mod.rs"),
                &format!("use crate::{to}::Thing;"),
            )?;
            let may = from == to || allows(allowed, to);
            assert_eq!(faults.is_empty(), may, "{from} imports {to}: {faults:?}");
        }
        let testing = faults_of(&format!("{from}.rs"), "use crate::testing::Thing;")?;
        assert_eq!(testing.len(), 1, "{from} imports testing: {testing:?}");
    }
    Ok(())
}

#[test]
fn every_rule_about_foreign_crates_can_be_broken_and_kept() -> Result<()> {
    for (name, places) in CRATES {
        let source = format!("use {name}::Thing;");
        for place in places.split(' ') {
            assert_eq!(faults_of(&format!("{place}/mod.rs"), &source)?, [""; 0]);
        }
        for file in [
            "envelope/mod.rs",
            "dispatch/lane.rs",
            "client/call.rs",
            "transport/memory/log.rs",
            "lib.rs",
        ] {
            assert_eq!(faults_of(file, &source)?.len(), 1, "{file} names {name}");
        }
    }
    Ok(())
}

#[test]
fn a_folder_without_a_rule_is_a_fault() -> Result<()> {
    assert_eq!(
        faults_of("attic/mod.rs", "use crate::envelope::Envelope;")?,
        ["attic/mod.rs: `attic` is in no rule: add it to FOLDERS"]
    );
    Ok(())
}

#[test]
fn a_bridge_carries_one_file_to_one_folder() -> Result<()> {
    for (file, to) in BRIDGES {
        let source = format!("use crate::{to}::Thing;");
        assert_eq!(faults_of(file, &source)?, [""; 0]);
        let neighbour = file.replace(".rs", "_too.rs");
        assert_eq!(faults_of(&neighbour, &source)?.len(), 1, "{neighbour}");
    }
    Ok(())
}

#[test]
fn the_roof_of_the_crate_and_the_helpers_for_tests_see_every_folder() -> Result<()> {
    for from in UNBOUND {
        assert_eq!(
            faults_of(&format!("{from}.rs"), "use crate::{client, dispatch};")?,
            [""; 0]
        );
    }
    Ok(())
}

#[test]
fn imports_are_found_however_they_are_written() -> Result<()> {
    let dispatch = [Import::Folder("dispatch".to_owned())];
    for source in [
        "use crate::dispatch;",
        "use crate::dispatch::*;",
        "use crate::dispatch::Outcome as Result;",
        "use crate::{dispatch::{Outcome, Reply}};",
        "use super::super::dispatch::Outcome;",
        "pub(crate) use self::super::super::dispatch::Outcome;",
        "fn f() { use crate::dispatch::Outcome; }",
        "fn f(outcome: &crate::dispatch::Outcome) {}",
        "fn f() { crate::dispatch::run::<u8>() }",
        "mod inner { use super::super::super::dispatch::Outcome; }",
        "#[cfg(feature = \"kafka\")] mod inner { use crate::dispatch::Outcome; }",
    ] {
        assert_eq!(
            imports_of("client/call.rs", source)?,
            BTreeSet::from(dispatch.clone()),
            "{source}"
        );
    }
    Ok(())
}

#[test]
fn the_crate_http_is_not_taken_for_the_folder_http() -> Result<()> {
    for (source, import) in [
        ("use http::Method;", Import::Crate("http".to_owned())),
        ("use ::http::Method;", Import::Crate("http".to_owned())),
        (
            "use crate::http::Adapter;",
            Import::Folder("http".to_owned()),
        ),
    ] {
        assert_eq!(
            imports_of("client/call.rs", source)?,
            BTreeSet::from([import]),
            "{source}"
        );
    }
    Ok(())
}

#[test]
fn tests_inside_a_file_may_import_anything() -> Result<()> {
    let source = "#[cfg(test)] mod tests { use crate::testing::Observer; use rdkafka::Offset; }";
    assert_eq!(faults_of("envelope/headers.rs", source)?, [""; 0]);
    Ok(())
}

/// Whether a file, by its path under `src`, is there for unit tests only.
fn holds_tests(file: &Path) -> bool {
    file.with_extension("")
        .components()
        .any(|part| part.as_os_str() == "tests")
}

fn faults_of(file: &str, source: &str) -> Result<Vec<String>> {
    let imports = imports_of(file, source)?;
    Ok(imports
        .iter()
        .filter_map(|import| broken(file, import))
        .collect())
}

fn imports_of(file: &str, source: &str) -> Result<BTreeSet<Import>> {
    let stem = file.strip_suffix(".rs").context("not a Rust file")?;
    let mut module: Vec<_> = stem.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    Ok(imports(&module, source)?)
}
