//! Which plots there are, and what they are of.

use anyhow::{Context, Result};

use super::{Chart, Key, Panels, bars, lines};
use crate::figure::{Figure, Label, Unit};
use crate::report::Taken;

/// What is ours, as measures call it; all else are floors and peers.
const OURS: [&str; 4] = ["typed", "typed client", "gateway", "ipc"];

/// The charts of a measure, as far as it has any.
pub(super) fn charts(taken: &Taken) -> Result<Vec<Chart>> {
    let source = Source { taken };
    match taken.name.as_str() {
        "call" => source.calls(),
        "rate" => source.rate(),
        "peers" => source.peers(),
        "instructions" => source.counts(),
        "endpoints" => source.flat("endpoints", "Endpoints of a service", &["p50", CPU]),
        "partitions" => source.flat("partitions", "Request partitions", &[CPU]),
        "callers" => source.flat("callers", "Instances of the caller", &[CPU]),
        "slow-key" => source.slow("slow-key", "One slow key among a thousand"),
        "slow-endpoint" => source.slow("slow-endpoint", "One slow endpoint among others"),
        "rolling" => source.rolling(),
        _ => Ok(Vec::new()),
    }
}

const CPU: &str = "CPU per request";

struct Source<'a> {
    taken: &'a Taken,
}

impl<'a> Source<'a> {
    fn calls(&self) -> Result<Vec<Chart>> {
        Ok(vec![
            Chart {
                file: "call-throughput",
                title: "Calls answered per second, by calls in flight",
                hint: "Longer is better. The thin line spans the least and the greatest round.",
                key: Key::Sides("ipc", "librdkafka by hand"),
                panels: Panels::Bars {
                    panels: self.by_load(&["throughput"], "calls", Parts::Nested)?,
                    beside: 2,
                },
            },
            Chart {
                file: "call-latency",
                title: "Latency of a call, by calls in flight",
                hint: "Shorter is better. Beside each bar: p50 / p99.",
                key: Key::Parts(&["p50", "up to p99"]),
                panels: Panels::Bars {
                    panels: self.by_load(&["p50", "p99"], "latency", Parts::Nested)?,
                    beside: 2,
                },
            },
            self.cpu("call-cpu", &["client", "service", "broker"])?,
        ])
    }

    fn cpu(&self, file: &'static str, processes: &'static [&'static str]) -> Result<Chart> {
        let of = |process: &&str| format!("CPU of {process}");
        let quantities: Vec<String> = processes.iter().map(of).collect();
        let quantities: Vec<&str> = quantities.iter().map(String::as_str).collect();
        Ok(Chart {
            file,
            title: "CPU time per request, by calls in flight",
            hint: "Shorter is better. Beside each bar: these processes together.",
            key: Key::Parts(processes),
            panels: Panels::Bars {
                panels: self.by_load(&quantities, "CPU time", Parts::Stacked)?,
                beside: 2,
            },
        })
    }

    fn rate(&self) -> Result<Vec<Chart>> {
        let mut panels = Vec::new();
        for at in self.loads() {
            let places = self.distinct(|label| (label.at == Some(at)).then_some(label.what));
            let mut rows = Vec::new();
            for name in self.entries(at) {
                let ours = OURS.contains(&name);
                let figures = places
                    .iter()
                    .map(|what| self.figure(Some(at), what, Some(name)));
                rows.push(lines::Line {
                    name: if ours { "ipc" } else { name }.to_owned(),
                    is_ours: ours,
                    values: figures.map(|it| Ok(it?.median())).collect::<Result<_>>()?,
                });
            }
            let unit = places.first().map(|what| self.unit(what));
            panels.push(lines::Panel {
                title: at
                    .trim_start_matches("at ")
                    .replace("/s", " calls per second"),
                x_axis: "percentile",
                y_axis: "latency",
                unit: unit.context("the measure rate has no percentiles")??,
                places: places.into_iter().map(str::to_owned).collect(),
                lines: rows,
            });
        }
        Ok(vec![Chart {
            file: "rate",
            title: "Latency under a constant rate",
            hint: "Lower is better. Counted from when a call was due; logarithmic.",
            key: Key::None,
            panels: Panels::Lines(panels),
        }])
    }

    fn peers(&self) -> Result<Vec<Chart>> {
        Ok(vec![
            Chart {
                file: "peers-throughput",
                title: "Calls answered per second, beside others",
                hint: "Longer is better. NATS keeps no log: what it does not pay for is what a log costs.",
                key: Key::Sides("ipc", "others"),
                panels: Panels::Bars {
                    panels: self.by_load(&["throughput"], "calls", Parts::Nested)?,
                    beside: 2,
                },
            },
            Chart {
                file: "peers-latency",
                title: "Latency of a call, beside others",
                hint: "Shorter is better. Beside each bar: p50 / p99.",
                key: Key::Parts(&["p50", "up to p99"]),
                panels: Panels::Bars {
                    panels: self.by_load(&["p50", "p99"], "latency", Parts::Nested)?,
                    beside: 2,
                },
            },
            self.cpu("peers-cpu", &["client", "service"])?,
        ])
    }

    fn counts(&self) -> Result<Vec<Chart>> {
        let mut panels = Vec::new();
        for what in ["instructions", "allocations"] {
            let names = self.distinct(|label| (label.what == what).then_some(label.entry?));
            let bar = |name: &&str| {
                let ours = !name.starts_with("the ");
                self.bar(None, &[what], Some(name), name, ours, Parts::Nested)
            };
            panels.push(bars::Panel {
                title: format!("{what} per message"),
                axis: what.to_owned(),
                unit: self.unit(what)?,
                bars: names.iter().map(bar).collect::<Result<_>>()?,
            });
        }
        Ok(vec![Chart {
            file: "instructions",
            title: "Instructions and allocations per message, without a broker",
            hint: "Shorter is better. Counted, not timed: they are the same on every run.",
            key: Key::Sides("messages", "what is in them and not the framework's"),
            panels: Panels::Bars { panels, beside: 1 },
        }])
    }

    /// Shapes of the same thing, each quantity in a panel of its own.
    fn flat(
        &self,
        file: &'static str,
        title: &'static str,
        quantities: &[&'static str],
    ) -> Result<Vec<Chart>> {
        let mut panels = Vec::new();
        for what in quantities {
            let absolute = |label: Label<'a>| (label.what == *what).then_some(label.entry?);
            let names = self.distinct(absolute);
            let bar = |name: &&str| self.bar(None, &[what], Some(name), name, true, Parts::Nested);
            panels.push(bars::Panel {
                title: (*what).to_owned(),
                axis: (*what).to_owned(),
                unit: self.unit(what)?,
                bars: names.iter().map(bar).collect::<Result<_>>()?,
            });
        }
        Ok(vec![Chart {
            file,
            title,
            hint: "Bars of one length are what is wanted. The thin line spans the rounds.",
            key: Key::None,
            panels: Panels::Bars { panels, beside: 2 },
        }])
    }

    fn slow(&self, file: &'static str, title: &'static str) -> Result<Vec<Chart>> {
        let bar = |what, name, ours| self.bar(None, &[what], None, name, ours, Parts::Nested);
        let (with, without) = ("p99 of the others", "p99 of the others without it");
        let panel = bars::Panel {
            title: "p99 of the others".to_owned(),
            axis: "p99".to_owned(),
            unit: self.unit(with)?,
            bars: vec![
                bar(with, "with the slow one", true)?,
                bar(without, "without it", false)?,
            ],
        };
        Ok(vec![Chart {
            file,
            title,
            hint: "Bars of one length are what is wanted. The thin line spans the rounds.",
            key: Key::None,
            panels: Panels::Bars {
                panels: vec![panel],
                beside: 1,
            },
        }])
    }

    fn rolling(&self) -> Result<Vec<Chart>> {
        let what = [
            ("longest time a key went unanswered", "longest gap of a key"),
            ("time until all three were new", "until all three were new"),
        ];
        let bar =
            |(what, name): (&str, &str)| self.bar(None, &[what], None, name, true, Parts::Nested);
        let panel = bars::Panel {
            title: "500 calls per second, three instances replaced in turn".to_owned(),
            axis: "time".to_owned(),
            unit: self.unit(what[0].0)?,
            bars: what.into_iter().map(bar).collect::<Result<_>>()?,
        };
        Ok(vec![Chart {
            file: "rolling",
            title: "A rolling restart under load",
            hint: "Shorter is better. The thin line spans the least and the greatest round.",
            key: Key::None,
            panels: Panels::Bars {
                panels: vec![panel],
                beside: 1,
            },
        }])
    }

    /// A panel for each load, with a bar for each that took part.
    fn by_load(&self, quantities: &[&str], axis: &str, parts: Parts) -> Result<Vec<bars::Panel>> {
        let first = quantities.first().context("a plot of nothing")?;
        let mut panels = Vec::new();
        for at in self.loads() {
            let names = self.entries(at);
            let bar = |name: &&str| {
                let ours = OURS.contains(name);
                let shown = if ours { "ipc" } else { *name };
                self.bar(Some(at), quantities, Some(name), shown, ours, parts)
            };
            panels.push(bars::Panel {
                title: format!("{} in flight", at.trim_start_matches("at ")),
                axis: axis.to_owned(),
                unit: self.unit(first)?,
                bars: names.iter().map(bar).collect::<Result<_>>()?,
            });
        }
        Ok(panels)
    }

    /// A bar whose parts are these quantities.
    fn bar(
        &self,
        at: Option<&str>,
        quantities: &[&str],
        entry: Option<&str>,
        name: &str,
        is_ours: bool,
        parts: Parts,
    ) -> Result<bars::Bar> {
        let figures = quantities.iter().map(|what| self.figure(at, what, entry));
        let figures: Vec<&Figure> = figures.collect::<Result<_>>()?;
        let medians: Vec<f64> = figures.iter().map(|figure| figure.median()).collect();
        let spread = match figures.as_slice() {
            [one] if one.rounds.len() > 1 => Some(one.spread()),
            _ => None,
        };
        let ends = parts.ends(&medians);
        Ok(bars::Bar {
            name: name.to_owned(),
            is_ours,
            said: parts.said(&ends),
            ends,
            spread,
        })
    }

    /// The loads of the measure, in their order.
    fn loads(&self) -> Vec<&'a str> {
        self.distinct(|label| label.entry.and(label.at))
    }

    /// What took part under a load, ours first.
    fn entries(&self, at: &str) -> Vec<&'a str> {
        let took_part = |label: &Label<'_>| label.at == Some(at);
        let mut names = self.distinct(|label| Some(label).filter(took_part)?.entry);
        names.sort_by_key(|name| !OURS.contains(name));
        names
    }

    /// What `of` says of the figures that compare nothing, each once.
    fn distinct(&self, of: impl Fn(Label<'a>) -> Option<&'a str>) -> Vec<&'a str> {
        let mut seen = Vec::new();
        let absolute = self.taken.figures.iter().filter(|it| it.sides.is_none());
        for one in absolute.filter_map(|figure| of(figure.label())) {
            if !seen.contains(&one) {
                seen.push(one);
            }
        }
        seen
    }

    fn figure(&self, at: Option<&str>, what: &str, entry: Option<&str>) -> Result<&'a Figure> {
        let wanted = Label { at, what, entry };
        let found = self.taken.figures.iter().find(|it| it.label() == wanted);
        found.with_context(|| {
            let name: Vec<&str> = [at, Some(what), entry].into_iter().flatten().collect();
            let (measure, name) = (&self.taken.name, name.join(", "));
            format!("the measure {measure} has not taken what is plotted of it: {name}")
        })
    }

    fn unit(&self, what: &str) -> Result<Unit> {
        let mut figures = self.taken.figures.iter();
        let found = figures.find(|figure| figure.label().what == what);
        let measure = &self.taken.name;
        let found = found.with_context(|| format!("the measure {measure} has no {what}"));
        Ok(found?.unit)
    }
}

/// How the quantities of a bar lie.
#[derive(Clone, Copy, Debug)]
enum Parts {
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
