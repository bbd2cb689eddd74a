use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::figure::Unit;
use crate::report::Report;

/// What `--check` holds the figures to: a table for each measure, an entry for
/// each figure that has a bound.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Bounds(BTreeMap<String, BTreeMap<String, Bound>>);

/// Where the median of a figure must lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Entry")]
pub(crate) struct Bound {
    limit: Limit,
    /// Why it is not what was asked for, where that is out of reach.
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// A bound as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    at_most: Option<f64>,
    at_least: Option<f64>,
    reason: Option<String>,
}

impl TryFrom<Entry> for Bound {
    type Error = &'static str;

    fn try_from(entry: Entry) -> Result<Self, Self::Error> {
        let limit = match (entry.at_most, entry.at_least) {
            (Some(most), None) => Limit::AtMost(most),
            (None, Some(least)) => Limit::AtLeast(least),
            _ => return Err("a bound has either `at_most` or `at_least`"),
        };
        Ok(Self {
            limit,
            reason: entry.reason,
        })
    }
}

impl Bounds {
    /// The bounds this program was built with.
    pub(crate) fn read() -> Result<Self> {
        toml::from_str(include_str!("../bounds.toml")).context("bounds.toml cannot be read")
    }

    pub(crate) fn of(&self, measure: &str, figure: &str) -> Option<&Bound> {
        self.0.get(measure)?.get(figure)
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
                let Some(figure) = measure.figure(name) else {
                    breaches.push(format!("{}: {name} was not taken", measure.name));
                    continue;
                };
                let value = figure.median();
                if !bound.holds(value) {
                    let (shown, bound) = (figure.unit.show(value), bound.show(figure.unit));
                    breaches.push(format!("{}: {name} is {shown}, {bound}", measure.name));
                }
            }
        }
        breaches
    }
}

impl Bound {
    pub(crate) fn holds(&self, value: f64) -> bool {
        match self.limit {
            Limit::AtMost(most) => value <= most,
            Limit::AtLeast(least) => value >= least,
        }
    }

    /// In words, as the bound of a figure of this unit: `at most 1.10 x`.
    pub(crate) fn show(&self, unit: Unit) -> String {
        match self.limit {
            Limit::AtMost(most) => format!("at most {}", unit.show(most)),
            Limit::AtLeast(least) => format!("at least {}", unit.show(least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;
    use crate::report::Taken;

    fn report(value: f64) -> Report {
        let figures = vec![Figure::new("p50 over raw", Unit::Ratio, vec![value])];
        Report {
            measures: vec![Taken {
                name: "call".to_owned(),
                about: String::new(),
                seconds: 1.0,
                figures,
                remarks: Vec::new(),
            }],
            ..Report::begin(String::new(), 1, true)
        }
    }

    fn bounds(text: &str) -> Bounds {
        toml::from_str(text).expect("the text is valid")
    }

    #[test]
    fn a_breach_names_measure_value_and_bound() {
        let bounds = bounds("[call]\n\"p50 over raw\" = { at_most = 1.1 }");
        assert!(bounds.breaches(&report(1.1)).is_empty());
        let breaches = bounds.breaches(&report(1.25));
        assert_eq!(breaches, ["call: p50 over raw is 1.25 x, at most 1.10 x"]);
    }

    #[test]
    fn a_bound_may_say_why_it_is_what_it_is() {
        let bounds = bounds("[call]\np50 = { at_most = 1.3, reason = \"two cores\" }");
        let bound = bounds.of("call", "p50").expect("there is one");
        assert_eq!(bound.reason.as_deref(), Some("two cores"));
        assert_eq!(bound.show(Unit::Ratio), "at most 1.30 x");
    }

    #[test]
    fn a_bound_has_one_limit() {
        for entry in ["{ reason = \"none\" }", "{ at_most = 1, at_least = 1 }"] {
            let text = format!("[call]\np50 = {entry}");
            assert!(toml::from_str::<Bounds>(&text).is_err(), "{entry}");
        }
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
