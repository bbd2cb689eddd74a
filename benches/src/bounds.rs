use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::report::Report;

/// What `--check` holds the figures to: a table for each measure, an entry for
/// each figure that has a bound.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Bounds(BTreeMap<String, BTreeMap<String, Bound>>);

/// Where the median of a figure must lie.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bounds {
    /// The bounds this program was built with.
    pub(crate) fn read() -> Result<Self> {
        toml::from_str(include_str!("../bounds.toml")).context("bounds.toml cannot be read")
    }

    pub(crate) fn of(&self, measure: &str, figure: &str) -> Option<Bound> {
        self.0.get(measure)?.get(figure).copied()
    }

    /// What is out of bounds in the report, and what has a bound and was not
    /// taken though its measure ran.
    pub(crate) fn breaches(&self, report: &Report) -> Vec<String> {
        let mut breaches = Vec::new();
        for measure in &report.measures {
            let Some(bounds) = self.0.get(&measure.name) else {
                continue;
            };
            for (name, bound) in bounds {
                let taken = measure.figures.iter().find(|figure| figure.name == *name);
                let Some(figure) = taken else {
                    breaches.push(format!("{}: {name} was not taken", measure.name));
                    continue;
                };
                let value = figure.median();
                if !bound.holds(value) {
                    let shown = figure.unit.show(value);
                    breaches.push(format!("{}: {name} is {shown}, {bound}", measure.name));
                }
            }
        }
        breaches
    }
}

impl Bound {
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Figure, Unit};
    use crate::report::Taken;

    fn report(value: f64) -> Report {
        let figures = vec![Figure::new("p50 over raw", Unit::Ratio, vec![value])];
        Report::of(vec![Taken {
            name: "call".to_owned(),
            about: String::new(),
            figures,
        }])
    }

    fn bounds(text: &str) -> Bounds {
        toml::from_str(text).expect("the text is valid")
    }

    #[test]
    fn a_breach_names_measure_value_and_bound() {
        let bounds = bounds("[call]\n\"p50 over raw\" = { at_most = 1.1 }");
        assert!(bounds.breaches(&report(1.1)).is_empty());
        let breaches = bounds.breaches(&report(1.25));
        assert_eq!(breaches, ["call: p50 over raw is 1.25 x, at most 1.1"]);
    }

    #[test]
    fn no_number_is_no_pass() {
        let bounds = bounds("[call]\n\"p50 over raw\" = { at_least = 0.9 }");
        assert_eq!(bounds.breaches(&report(f64::NAN)).len(), 1);
    }

    #[test]
    fn a_bound_without_its_figure_is_a_breach_where_its_measure_ran() {
        let bounds = bounds("[call]\nother = { at_most = 1 }\n[stream]\nx = { at_most = 1 }");
        assert_eq!(bounds.breaches(&report(1.0)), ["call: other was not taken"]);
    }

    #[test]
    fn the_bounds_of_this_program_are_those_of_known_measures() {
        let bounds = Bounds::read().expect("bounds.toml is in order");
        for measure in bounds.0.keys() {
            let known = crate::measure::ALL
                .iter()
                .any(|known| known.name == measure);
            assert!(known, "there is no measure {measure}");
        }
    }
}
