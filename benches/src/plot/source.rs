use anyhow::{Context as _, Result};

use super::bars::{Bar, Panel};
use crate::figure::{Figure, Label, Unit};
use crate::report::Taken;

/// What is ours, as measures call it; all else are floors and peers.
const OURS: [&str; 3] = ["typed", "typed client", "gateway"];

/// The figures of one measure, as plots want them.
pub(super) struct Source<'a> {
    taken: &'a Taken,
}

impl<'a> Source<'a> {
    pub(super) fn of(taken: &'a Taken) -> Self {
        Self { taken }
    }

    /// A panel for each load, with a bar for each that took part.
    pub(super) fn by_load(
        &self,
        quantities: &[&str],
        axis: &str,
        parts: Parts,
    ) -> Result<Vec<Panel>> {
        let first = quantities.first().context("a plot of nothing")?;
        let mut panels = Vec::new();
        for at in self.loads() {
            let names = self.entries(at);
            let bar = |name: &&str| {
                let (shown, ours) = (shown(name), is_ours(name));
                self.bar(Some(at), quantities, Some(name), shown, ours, parts)
            };
            panels.push(Panel {
                title: format!("{} in flight", at.trim_start_matches("at ")),
                axis: axis.to_owned(),
                unit: self.unit(first)?,
                bars: names.iter().map(bar).collect::<Result<_>>()?,
            });
        }
        Ok(panels)
    }

    /// A bar whose parts are these quantities.
    pub(super) fn bar(
        &self,
        at: Option<&str>,
        quantities: &[&str],
        entry: Option<&str>,
        name: &str,
        is_ours: bool,
        parts: Parts,
    ) -> Result<Bar> {
        let figures = quantities.iter().map(|what| self.figure(at, what, entry));
        let figures: Vec<&Figure> = figures.collect::<Result<_>>()?;
        let medians: Vec<f64> = figures.iter().map(|figure| figure.median()).collect();
        let spread = match figures.as_slice() {
            [one] if one.rounds.len() > 1 => Some(one.spread()),
            _ => None,
        };
        let ends = parts.ends(&medians);
        Ok(Bar {
            name: name.to_owned(),
            is_ours,
            said: parts.said(&ends),
            ends,
            spread,
        })
    }

    /// The loads of the measure, in their order.
    pub(super) fn loads(&self) -> Vec<&'a str> {
        self.distinct(|label| label.entry.and(label.at))
    }

    /// What took part under a load, ours first.
    pub(super) fn entries(&self, at: &str) -> Vec<&'a str> {
        let took_part = |label: &Label<'_>| label.at == Some(at);
        let mut names = self.distinct(|label| Some(label).filter(took_part)?.entry);
        names.sort_by_key(|name| !is_ours(name));
        names
    }

    /// What `of` says of the figures that compare nothing, each once.
    pub(super) fn distinct(&self, of: impl Fn(Label<'a>) -> Option<&'a str>) -> Vec<&'a str> {
        let mut seen = Vec::new();
        let absolute = self.taken.figures.iter().filter(|it| it.sides.is_none());
        for one in absolute.filter_map(|figure| of(figure.label())) {
            if !seen.contains(&one) {
                seen.push(one);
            }
        }
        seen
    }

    /// # Errors
    ///
    /// When it was not taken.
    pub(super) fn figure(
        &self,
        at: Option<&str>,
        what: &str,
        entry: Option<&str>,
    ) -> Result<&'a Figure> {
        let wanted = Label { at, what, entry };
        let found = self.taken.figures.iter().find(|it| it.label() == wanted);
        found.with_context(|| {
            let name: Vec<&str> = [at, Some(what), entry].into_iter().flatten().collect();
            let (measure, name) = (&self.taken.name, name.join(", "));
            format!("the measure {measure} has not taken what is plotted of it: {name}")
        })
    }

    /// The unit in which a quantity was taken.
    pub(super) fn unit(&self, what: &str) -> Result<Unit> {
        let mut figures = self.taken.figures.iter();
        let found = figures.find(|figure| figure.label().what == what);
        let measure = &self.taken.name;
        let found = found.with_context(|| format!("the measure {measure} has no {what}"));
        Ok(found?.unit)
    }
}

/// Whether what took part under this name is ours.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.contains(&name)
}

/// What a reader is told it is called.
pub(super) fn shown(name: &str) -> &str {
    if is_ours(name) { "ipc" } else { name }
}

/// How the quantities of a bar lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parts {
    /// Each from 0, so that a later one contains those before: p50 and p99.
    Nested,
    /// Each from the end of the one before: CPU times.
    Stacked,
}

impl Parts {
    /// Where each part ends.
    fn ends(self, medians: &[f64]) -> Vec<f64> {
        match self {
            Self::Nested => medians.to_vec(),
            Self::Stacked => {
                let mut total = 0.0;
                let add = |median: &f64| {
                    total += median;
                    total
                };
                medians.iter().map(add).collect()
            }
        }
    }

    /// What is written beside the bar: each of them, or all together.
    fn said(self, ends: &[f64]) -> Vec<f64> {
        match self {
            Self::Nested => ends.to_vec(),
            Self::Stacked => ends.last().copied().into_iter().collect(),
        }
    }
}
