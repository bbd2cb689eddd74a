use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Color, Table};

use crate::bounds::{Bound, Bounds};
use crate::figure::Unit;
use crate::report::Taken;

/// The figures of one measure, for a terminal.
pub(crate) fn table(measure: &Taken, bounds: &Bounds) -> Table {
    let mut table = Table::new();
    let name = format!("{}, {:.0} s", measure.name, measure.seconds);
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        name.as_str(),
        "median",
        "least",
        "greatest",
        "bound",
    ]);
    for figure in &measure.figures {
        let (least, greatest) = figure.spread();
        let median = figure.median();
        let bound = bounds.of(&measure.name, &figure.name);
        let color = match bound {
            Some(bound) if bound.holds(median) => Color::Green,
            Some(_) => Color::Red,
            None => Color::Reset,
        };
        let number = |value| Cell::new(figure.unit.show(value)).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(&figure.name),
            number(median).fg(color),
            number(least),
            number(greatest),
            Cell::new(bound.map_or(String::new(), |bound| in_words(bound, figure.unit))),
        ]);
    }
    table
}

fn in_words(bound: &Bound, unit: Unit) -> String {
    let bound_in_words = bound.show(unit);
    match &bound.reason {
        Some(reason) => format!("{bound_in_words}: {reason}"),
        None => bound_in_words,
    }
}
