//! Which plots there are, and what they are of.

use anyhow::{Context, Result};

use super::source::{Parts, Source, is_ours, shown};
use super::{Chart, Key, Panels, bars, lines};
use crate::figure::Label;
use crate::report::Taken;

/// The charts of a measure, as far as it has any.
pub(super) fn charts(taken: &Taken) -> Result<Vec<Chart>> {
    let source = Source::of(taken);
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

impl<'a> Source<'a> {
    fn calls(&self) -> Result<Vec<Chart>> {
        Ok(vec![
            Chart {
                file: "call-throughput",
                title: "Calls answered per second, by calls in flight",
                hint: "Longer is better. The thin line spans the least and the greatest round.",
                key: Key::Sides("ipc", "librdkafka by hand"),
                panels: self.bars(&["throughput"], "calls", Parts::Nested)?,
            },
            self.latency("call-latency", "Latency of a call, by calls in flight")?,
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
            panels: self.bars(&quantities, "CPU time", Parts::Stacked)?,
        })
    }

    fn latency(&self, file: &'static str, title: &'static str) -> Result<Chart> {
        Ok(Chart {
            file,
            title,
            hint: "Shorter is better. Beside each bar: p50 / p99.",
            key: Key::Parts(&["p50", "up to p99"]),
            panels: self.bars(&["p50", "p99"], "latency", Parts::Nested)?,
        })
    }

    /// A panel for each number of calls in flight, two beside each other.
    fn bars(&self, quantities: &[&str], axis: &str, parts: Parts) -> Result<Panels> {
        let panels = self.by_load(quantities, axis, parts)?;
        Ok(Panels::Bars { panels, beside: 2 })
    }

    fn rate(&self) -> Result<Vec<Chart>> {
        let mut panels = Vec::new();
        for at in self.loads() {
            let places = self.distinct(|label| (label.at == Some(at)).then_some(label.what));
            let mut rows = Vec::new();
            for name in self.entries(at) {
                let figures = places
                    .iter()
                    .map(|what| self.figure(Some(at), what, Some(name)));
                rows.push(lines::Line {
                    name: shown(name).to_owned(),
                    is_ours: is_ours(name),
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
                panels: self.bars(&["throughput"], "calls", Parts::Nested)?,
            },
            self.latency("peers-latency", "Latency of a call, beside others")?,
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
}
