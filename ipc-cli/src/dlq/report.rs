//! What a run did, as a table or as JSON.

use std::io::{self, Write};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use ipc_core::redrive::{Refused, Report, State};
use serde::Serialize;

use crate::text;

/// Most refused letters in a table.
const REFUSED: usize = 50;

pub(super) fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let line = serde_json::to_string(&Json::of(report))?;
        writeln!(out, "{line}")
    } else {
        tables(&mut out, report)
    }
}

fn tables(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let done = if report.dry_run {
        format!("would be {}", report.action)
    } else {
        report.action.to_string()
    };
    if !report.settled.is_empty() {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_header(["reason", "came from", &done]);
        for ((reason, topic), count) in &report.settled {
            let (reason, topic) = (text::printable(reason), text::printable(topic));
            table.add_row([reason, topic, count.to_string()]);
        }
        writeln!(out, "{table}")?;
    }
    if !report.refused.is_empty() {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_header(["refused", "because it"]);
        for Refused { place, why } in report.refused.iter().take(REFUSED) {
            table.add_row([place.to_string(), text::printable(&why.to_string())]);
        }
        writeln!(out, "{table}")?;
        let more = report.refused.len().saturating_sub(REFUSED);
        if more > 0 {
            writeln!(out, "{more} more were refused: --json names them all")?;
        }
    }
    for partition in &report.handed_over {
        writeln!(out, "another run sees to partition {partition}")?;
    }
    let (settled, selected, refused) = (report.settled(), report.selected, report.refused.len());
    write!(
        out,
        "{settled} of {selected} letters {done}, {refused} refused"
    )?;
    if report.stopped {
        write!(out, "; stopped early, the same command goes on from there")?;
    }
    writeln!(out)
}

#[derive(Debug, Serialize)]
struct Json<'a> {
    action: &'static str,
    dry_run: bool,
    selected: u64,
    settled: u64,
    by: Vec<By<'a>>,
    refused: Vec<JsonRefused>,
    handed_over: &'a [i32],
    stopped: bool,
}

#[derive(Debug, Serialize)]
struct By<'a> {
    reason: &'a str,
    topic: &'a str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct JsonRefused {
    letter: String,
    kind: &'static str,
    why: String,
}

impl<'a> Json<'a> {
    fn of(report: &'a Report) -> Self {
        let by = |((reason, topic), count): (&'a (String, String), &u64)| By {
            reason,
            topic,
            count: *count,
        };
        let refused = |Refused { place, why }: &Refused| JsonRefused {
            letter: place.to_string(),
            kind: why.kind(),
            why: why.to_string(),
        };
        Self {
            action: match report.action {
                State::Dropped => "drop",
                _ => "redrive",
            },
            dry_run: report.dry_run,
            selected: report.selected,
            settled: report.settled(),
            by: report.settled.iter().map(by).collect(),
            refused: report.refused.iter().map(refused).collect(),
            handed_over: &report.handed_over,
            stopped: report.stopped,
        }
    }
}
