//! What a message costs without a broker, counted by the bench targets of
//! `ipc-counts`: instructions by callgrind, allocations by a counting allocator.

use std::collections::BTreeMap;
use std::env;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::bench::Bench;
use crate::figure::{Figure, Unit};

/// Messages that each scene handles while it is counted.
const BATCH: f64 = 64.0;

/// Every scene as the bench targets name it, and in words.
const SCENES: [(&str, &str); 8] = [
    ("one_way unkeyed", "consumed message"),
    ("one_way one_key", "consumed message with a key"),
    (
        "transport loop_by_hand",
        "the transport's own share of those",
    ),
    (
        "call sixteen_bytes",
        "call, 16 bytes, neither JSON nor axum",
    ),
    ("json_call through_axum", "call, JSON through axum"),
    ("json_codec of_the_caller", "the caller's JSON of that"),
    ("oneshot of_the_router", "the Router's oneshot of that"),
    (
        "stream_record of_one_stream",
        "record of a reply stream of 64",
    ),
];

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    bench.step("callgrind");
    let instructions = instructions()?;
    bench.step("allocations");
    let allocations = allocations()?;
    let mut figures = Vec::new();
    for (counts, what) in [
        (&instructions, "instructions"),
        (&allocations, "allocations"),
    ] {
        let count = |scene: &str| {
            let count = counts.get(scene).copied();
            count.with_context(|| format!("the {what} of {scene:?} were not counted"))
        };
        for (scene, words) in SCENES {
            figures.push(figure(what, words, count(scene)? / BATCH));
        }
        let rest = count("json_call through_axum")?
            - count("json_codec of_the_caller")?
            - count("oneshot of_the_router")?;
        figures.push(figure(
            what,
            "call, JSON through axum, without those two",
            rest / BATCH,
        ));
        let beyond = count("one_way unkeyed")? - count("transport loop_by_hand")?;
        let words = "consumed message, beyond the transport's";
        figures.push(figure(what, words, beyond / BATCH));
    }
    Ok(figures)
}

fn figure(what: &str, words: &str, count: f64) -> Figure {
    Figure::new(format!("{what}: {words}"), Unit::Count, vec![count])
}

/// What callgrind has counted, by scene.
fn instructions() -> Result<BTreeMap<String, f64>> {
    let output = run_target("instructions", &["--output-format=json"])?;
    let mut counts = BTreeMap::new();
    for summary in serde_json::Deserializer::from_str(&output).into_iter() {
        let summary: Value = summary.context("a summary of gungraun is not JSON")?;
        let text = |field: &str| summary[field].as_str().unwrap_or_default().to_owned();
        let scene = format!("{} {}", text("function_name"), text("id"));
        counts.insert(scene, count(&summary)?);
    }
    Ok(counts)
}

fn count(summary: &Value) -> Result<f64> {
    let total = &summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    total.as_f64().context("a summary without a count")
}

/// A line of the allocations' output.
#[derive(Deserialize)]
struct Counted {
    scene: String,
    allocations: f64,
}

fn allocations() -> Result<BTreeMap<String, f64>> {
    let output = run_target("allocations", &[])?;
    let lines = output.lines().map(|line| {
        let counted: Counted = serde_json::from_str(line)
            .with_context(|| format!("the counting allocator said {line:?}"))?;
        Ok((counted.scene, counted.allocations))
    });
    lines.collect()
}

/// The output of a bench target of `ipc-counts`.
fn run_target(name: &str, arguments: &[&str]) -> Result<String> {
    let cargo = env::var_os("CARGO").context("run this as `cargo xtask bench`")?;
    let output = Command::new(cargo)
        .args([
            "bench",
            "--quiet",
            "--package",
            "ipc-counts",
            "--bench",
            name,
            "--",
        ])
        .args(arguments)
        .output()
        .context("cannot run cargo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the bench {name} failed\n{errors}");
    String::from_utf8(output.stdout).context("the output of a bench is not UTF-8")
}
