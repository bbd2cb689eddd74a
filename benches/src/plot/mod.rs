//! The plots of what was taken, as SVG.

mod bars;
mod catalog;
mod lines;
mod scale;
mod source;
mod style;

use anyhow::{Context, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use self::bars::Drawn;
use crate::report::Taken;

/// A drawn plot.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The measure it belongs to.
    pub(crate) measure: String,
    /// The name of its file, without `.svg`.
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) svg: String,
}

/// What is to be drawn.
#[derive(Clone, Debug)]
struct Chart {
    file: &'static str,
    title: &'static str,
    /// What a reader is to look for.
    hint: &'static str,
    key: Key,
    panels: Panels,
}

/// What the colours of bars say; lines are named as they are.
#[derive(Clone, Copy, Debug)]
enum Key {
    None,
    /// What is ours, and what is not.
    Sides(&'static str, &'static str),
    /// The parts of a bar, first to last.
    Parts(&'static [&'static str]),
}

#[derive(Clone, Debug)]
enum Panels {
    /// So many beside each other.
    Bars {
        panels: Vec<bars::Panel>,
        beside: usize,
    },
    /// Below each other.
    Lines(Vec<lines::Panel>),
}

/// The plots of a measure, as far as it has any.
///
/// # Errors
///
/// When a figure that is plotted was not taken.
pub(crate) fn plots(taken: &Taken) -> Result<Vec<Plot>> {
    let charts = catalog::charts(taken)?;
    let plots = charts.into_iter().map(|chart| {
        let svg = chart.drawn();
        Ok(Plot {
            measure: taken.name.clone(),
            file: chart.file,
            title: chart.title,
            svg: svg.with_context(|| format!("the plot {} cannot be drawn", chart.file))?,
        })
    });
    plots.collect()
}

/// For the title and what to look for, and for the legend.
const HEAD: u32 = 64;
const LEGEND: u32 = 28;

impl Chart {
    fn drawn(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw_into(&mut svg)?;
        Ok(svg + "\n")
    }

    fn draw_into(&self, svg: &mut String) -> Drawn {
        let legend = self.legend();
        let head = HEAD + if legend.is_empty() { 0 } else { LEGEND };
        let size = (style::WIDTH, head + self.panels.height());
        let root = SVGBackend::with_string(svg, size).into_drawing_area();
        root.fill(&style::PAPER)?;
        let (head, body) = root.split_vertically(head);
        head.draw(&Text::new(
            self.title,
            (20, 24),
            style::bold(20, HPos::Left),
        ))?;
        let hint = style::text(14, style::FAINT, HPos::Left);
        head.draw(&Text::new(self.hint, (20, 48), hint))?;
        let mut x = 20;
        for (name, colors) in legend {
            for color in colors {
                let swatch = Rectangle::new([(x, 66), (x + 14, 80)], color.filled());
                head.draw(&swatch)?;
                x += 16;
            }
            let ink = style::text(14, style::INK, HPos::Left);
            head.draw(&Text::new(name.clone(), (x + 4, 73), ink))?;
            x += style::width(&name, 14) + 28;
        }
        match &self.panels {
            Panels::Bars { panels, beside } => {
                let names = panels.iter().flat_map(|panel| &panel.bars);
                let widest = names.map(|bar| style::width(&bar.name, 13)).max();
                let names = u32::try_from(widest.unwrap_or(0)).unwrap_or(0) + 28;
                let rows = panels.len().div_ceil(*beside);
                let areas = body.split_evenly((rows, *beside));
                for (panel, area) in panels.iter().zip(&areas) {
                    panel.draw(area, names)?;
                }
            }
            Panels::Lines(panels) => {
                let areas = body.split_evenly((panels.len(), 1));
                for (panel, area) in panels.iter().zip(&areas) {
                    panel.draw(area)?;
                }
            }
        }
        root.present()
    }

    /// Each name with its colours.
    fn legend(&self) -> Vec<(String, Vec<RGBColor>)> {
        let part = style::part;
        let bar = |name: &str, colors: Vec<RGBColor>| (name.to_owned(), colors);
        match (&self.panels, self.key) {
            (Panels::Lines(panels), _) => {
                let lines = panels.first().map_or(&[][..], |panel| &panel.lines);
                let named = lines.iter().enumerate().map(|(nth, line)| {
                    let color = style::line(line.is_ours, nth);
                    (line.name.clone(), vec![color])
                });
                named.collect()
            }
            (Panels::Bars { .. }, Key::None) => Vec::new(),
            (Panels::Bars { .. }, Key::Sides(ours, others)) => vec![
                bar(ours, vec![part(true, 0)]),
                bar(others, vec![part(false, 0)]),
            ],
            (Panels::Bars { .. }, Key::Parts(names)) => {
                let of_both = |nth| vec![part(true, nth), part(false, nth)];
                let named = names.iter().enumerate();
                named.map(|(nth, name)| bar(name, of_both(nth))).collect()
            }
        }
    }
}

impl Panels {
    fn height(&self) -> u32 {
        match self {
            Self::Bars { panels, beside } => {
                let most = panels.iter().map(|panel| panel.bars.len()).max();
                let rows = u32::try_from(panels.len().div_ceil(*beside)).unwrap_or(1);
                rows * bars::Panel::height(most.unwrap_or(0))
            }
            Self::Lines(panels) => u32::try_from(panels.len()).unwrap_or(1) * lines::HEIGHT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Figure, Unit};

    const ENTRIES: [&str; 2] = ["raw linger 0", "typed"];

    fn call(quantities: &[&str]) -> Taken {
        let mut figures = Vec::new();
        for at in [1, 64] {
            for entry in ENTRIES {
                for what in quantities {
                    let unit = match *what {
                        "throughput" => Unit::PerSecond,
                        _ => Unit::Seconds,
                    };
                    let name = format!("at {at}: {what}, {entry}");
                    figures.push(Figure::new(name, unit, vec![0.001, 0.002]));
                }
            }
        }
        Taken {
            name: "call".to_owned(),
            about: String::new(),
            seconds: 1.0,
            figures,
            remarks: Vec::new(),
        }
    }

    const ALL: [&str; 6] = [
        "throughput",
        "p50",
        "p99",
        "CPU of client",
        "CPU of service",
        "CPU of broker",
    ];

    /// What the texts of a plot say.
    fn texts(svg: &str) -> Vec<&str> {
        let texts = svg.split("<text").skip(1);
        let inside = texts.filter_map(|text| {
            let (_, text) = text.split_once('>')?;
            Some(text.split_once("</text>")?.0.trim())
        });
        inside.collect()
    }

    #[test]
    fn a_plot_names_its_series_its_panels_and_its_axes() {
        let plots = plots(&call(&ALL)).expect("everything was taken");
        let files: Vec<&str> = plots.iter().map(|plot| plot.file).collect();
        assert_eq!(files, ["call-throughput", "call-latency", "call-cpu"]);
        for plot in &plots {
            let texts = texts(&plot.svg);
            for (text, times) in [
                (plot.title, 1),
                ("raw linger 0", 2),
                ("1 in flight", 1),
                ("64 in flight", 1),
            ] {
                let found = texts.iter().filter(|it| **it == text).count();
                assert_eq!(found, times, "{text} in {}: {texts:?}", plot.file);
            }
        }
        let latency = texts(&plots[1].svg);
        assert!(latency.contains(&"latency, milliseconds"), "{latency:?}");
    }

    #[test]
    fn parts_of_a_bar_add_up() {
        let plots = plots(&call(&ALL)).expect("everything was taken");
        // three processes of 1.5 ms each
        let cpu = texts(&plots[2].svg);
        assert_eq!(cpu.iter().filter(|it| **it == "4.5").count(), 4, "{cpu:?}");
        // which the p99 and the p50 are not: one contains the other
        let latency = texts(&plots[1].svg);
        let both = latency.iter().filter(|it| **it == "1.5 / 1.5");
        assert_eq!(both.count(), 4, "{latency:?}");
    }

    #[test]
    fn two_parts_add_up_as_well() {
        let peers = Taken {
            name: "peers".to_owned(),
            ..call(&ALL)
        };
        let plots = plots(&peers).expect("everything was taken");
        let cpu = plots.iter().find(|plot| plot.file == "peers-cpu");
        let texts = texts(&cpu.expect("it is plotted").svg);
        // client and service, 1.5 ms each
        let totals = texts.iter().filter(|text| **text == "3.0");
        assert_eq!(totals.count(), 4, "{texts:?}");
    }

    #[test]
    fn a_series_that_was_not_taken_is_an_error() {
        let error = plots(&call(&ALL[..2]))
            .expect_err("there is no p99")
            .to_string();
        assert!(error.contains("at 1, p99, typed"), "{error}");
    }

    #[test]
    fn ours_comes_first() {
        let plots = plots(&call(&ALL)).expect("everything was taken");
        let texts = texts(&plots[1].svg);
        let place = |name| texts.iter().position(|text| *text == name);
        assert!(place("ipc") < place("raw linger 0"), "{texts:?}");
    }
}
