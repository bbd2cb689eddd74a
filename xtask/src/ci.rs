use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{
    bench::Bench,
    deny, image,
    supervisor::Supervisor,
    tests,
    workspace::{cargo, cargo_for_all},
};

/// A check that a change must pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Check {
    /// Every test, as `cargo xtask test`
    Tests,
    /// The code is formatted
    Fmt,
    /// No warning of clippy
    Clippy,
    /// No warning of rustdoc
    Docs,
    /// Each feature of ipc-core compiles alone, and ipc-core without any
    Features,
    /// Licences and banned crates
    Deny,
    /// The image can be built and runs, where Docker does
    Image,
    /// The demo's exchanges are right, and its story goes as it should
    Demo,
    /// The benchmarks run; what they find fails nothing
    Bench,
}

/// Runs all checks but `except`, whatever becomes of each, and names those that failed.
pub(crate) fn run(supervisor: &mut Supervisor, except: &[Check]) -> Result<ExitCode> {
    let mut failed = Vec::new();
    for check in Check::value_variants() {
        if except.contains(check) {
            continue;
        }
        eprintln!("\n==> {check:?}");
        match passes(supervisor, *check) {
            Ok(true) => {}
            Ok(false) => failed.push(format!("{check:?}")),
            Err(error) => {
                eprintln!("{error:#}");
                failed.push(format!("{check:?}"));
            }
        }
        if supervisor.interrupted() {
            break;
        }
    }
    if failed.is_empty() {
        eprintln!("\nall checks passed");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\nfailed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn passes(supervisor: &mut Supervisor, check: Check) -> Result<bool> {
    let commands = match check {
        Check::Tests => return Ok(tests::run(supervisor, None, &[])? == ExitCode::SUCCESS),
        Check::Fmt => vec![with(cargo("fmt")?, &["--all", "--check"])],
        Check::Clippy => vec![with(
            cargo_for_all("clippy")?,
            &["--all-targets", "--", "--deny", "warnings"],
        )],
        Check::Docs => {
            let mut docs = with(cargo_for_all("doc")?, &["--no-deps"]);
            docs.env("RUSTDOCFLAGS", "--deny warnings");
            vec![docs]
        }
        Check::Features => each_feature_alone()?,
        Check::Deny => vec![deny::command(supervisor)?],
        Check::Image => return image::passes(supervisor),
        Check::Demo => vec![
            with(cargo("demo")?, &["--once"]),
            with(cargo("demo")?, &["migrate"]),
        ],
        Check::Bench => return Ok(Bench::smoke().run(supervisor)? == ExitCode::SUCCESS),
    };
    for mut command in commands {
        if !supervisor.run(&mut command)?.success() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn each_feature_alone() -> Result<Vec<Command>> {
    let bare = || -> Result<Command> {
        Ok(with(
            cargo("check")?,
            &["--package", "ipc-core", "--lib", "--no-default-features"],
        ))
    };
    let mut commands = vec![bare()?];
    for feature in features_of("ipc-core")? {
        commands.push(with(bare()?, &["--features", &feature]));
    }
    Ok(commands)
}

fn features_of(package: &str) -> Result<Vec<String>> {
    let output = with(cargo("metadata")?, &["--no-deps", "--format-version", "1"])
        .output()
        .context("cannot run cargo metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
    let features = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|p| p["name"] == package))
        .and_then(|package| package["features"].as_object())
        .with_context(|| format!("cargo metadata does not know {package}"))?;
    Ok(features
        .keys()
        .filter(|name| *name != "default")
        .cloned()
        .collect())
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}
