//! What was taken, as tables of Markdown.

use super::runs::Runs;
use crate::bounds::Bounds;
use crate::figure::{Figure, Unit};
use crate::report::Taken;

/// Every figure that is held to a bound or compares two things: what it is of,
/// round by round, and whether it holds. Reasons for bounds follow.
pub(super) fn comparisons(runs: &Runs, bounds: &Bounds) -> String {
    let mut table = Markdown::new(&[
        "measure", "what", "ours", "floor", "median", "spread", "bound", "holds",
    ]);
    let mut reasons = String::new();
    for taken in runs.measures() {
        for figure in &taken.figures {
            let bound = bounds.of(&taken.name, &figure.name);
            if bound.is_none() && figure.sides.is_none() {
                continue;
            }
            let median = figure.median();
            let holds = bound.map_or("", |bound| match bound.holds(median) {
                true => "yes",
                false => "**no**",
            });
            table.row(&[
                &taken.name,
                &figure.name,
                &side(figure.sides.as_deref().map(|sides| &sides.ours)),
                &side(figure.sides.as_deref().map(|sides| &sides.floor)),
                &figure.unit.show(median),
                &spread(figure),
                &bound.map_or(String::new(), |bound| bound.show(figure.unit)),
                holds,
            ]);
            if let Some(reason) = bound.and_then(|bound| bound.reason.as_deref()) {
                let line = format!("- `{}`, {}: {reason}\n", taken.name, figure.name);
                reasons.push_str(&line);
            }
        }
    }
    let table = table.text();
    match reasons.is_empty() {
        true => table,
        false => format!("{table}\nWhy a bound is wider than what was asked for:\n\n{reasons}"),
    }
}

/// The medians of one measure: a line for each thing at each load, a column for
/// each quantity.
pub(super) fn medians(taken: &Taken) -> String {
    let quantities = || {
        let absolute = |figure: &&Figure| figure.sides.is_none() && figure.unit != Unit::Ratio;
        taken.figures.iter().filter(absolute)
    };
    let (mut lines, mut columns) = (Vec::new(), Vec::new());
    for figure in quantities() {
        let label = figure.label();
        push_new(&mut lines, (label.at, label.entry));
        push_new(&mut columns, label.what);
    }
    if columns.is_empty() {
        return String::new();
    }
    let head: Vec<&str> = [""].into_iter().chain(columns.iter().copied()).collect();
    let mut table = Markdown::new(&head);
    for line in lines {
        let (at, entry) = line;
        let name: Vec<&str> = [at, entry].into_iter().flatten().collect();
        let mut cells = vec![name.join(", ")];
        for column in &columns {
            let found = quantities().find(|figure| {
                let label = figure.label();
                (label.at, label.entry) == line && label.what == *column
            });
            cells.push(found.map_or(String::new(), |it| it.unit.show(it.median())));
        }
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        table.row(&cells);
    }
    table.text()
}

fn push_new<T: PartialEq>(seen: &mut Vec<T>, one: T) {
    if !seen.contains(&one) {
        seen.push(one);
    }
}

/// `1 700/s (raw linger 0)`
fn side(figure: Option<&Figure>) -> String {
    figure.map_or(String::new(), |figure| {
        let whose = figure.label().entry.unwrap_or(&figure.name);
        format!("{} ({whose})", figure.unit.show(figure.median()))
    })
}

fn spread(figure: &Figure) -> String {
    if figure.rounds.len() < 2 {
        return String::new();
    }
    let (least, greatest) = figure.spread();
    format!(
        "{} to {}",
        figure.unit.show(least),
        figure.unit.show(greatest)
    )
}

/// A table that is being written.
struct Markdown(String);

impl Markdown {
    fn new(head: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(head);
        table.row(&vec!["---"; head.len()]);
        table
    }

    fn row(&mut self, cells: &[&str]) {
        self.0.push('|');
        for cell in cells {
            self.0.push_str(&format!(" {} |", cell.replace('|', "\\|")));
        }
        self.0.push('\n');
    }

    fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::runs::tests::{runs, taken};

    fn sides() -> (Figure, Figure) {
        (
            Figure::new("typed", Unit::Seconds, vec![0.001, 0.002, 0.003]),
            Figure::new("raw linger 0", Unit::Seconds, vec![0.001, 0.001, 0.001]),
        )
    }

    #[test]
    fn a_comparison_has_both_sides_its_spread_and_its_bound() {
        let (ours, floor) = sides();
        let call = taken("call", vec![ours.over(&floor, "p50 over raw")]);
        let bounds = r#"call = { "p50 over raw" = { at_most = 1.1, reason = "two cores" } }"#;
        let bounds = toml::from_str(bounds).expect("bounds");
        let expected = "\
| measure | what | ours | floor | median | spread | bound | holds |
| --- | --- | --- | --- | --- | --- | --- | --- |
| call | p50 over raw | 2.00 ms (typed) | 1.00 ms (raw linger 0) | 2.00 x | 1.00 x to 3.00 x | at most 1.10 x | **no** |

Why a bound is wider than what was asked for:

- `call`, p50 over raw: two cores
";
        assert_eq!(comparisons(&runs(vec![call]), &bounds), expected);
    }

    #[test]
    fn medians_stand_by_load_and_entry() {
        let (ours, floor) = sides();
        let figure = |name| Figure::new(name, Unit::Seconds, vec![0.25]);
        let call = taken(
            "call",
            vec![
                figure("at 1: p50, typed"),
                figure("at 1: CPU of broker, typed"),
                figure("at 8: p50, typed"),
                ours.over(&floor, "at 1: p50 over raw"),
            ],
        );
        let expected = "\
|  | p50 | CPU of broker |
| --- | --- | --- |
| at 1, typed | 250.00 ms | 250.00 ms |
| at 8, typed | 250.00 ms |  |
";
        assert_eq!(medians(&call), expected);
    }
}
