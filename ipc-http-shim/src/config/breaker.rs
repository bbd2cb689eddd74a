//! When requests to a service that fails are no longer sent, and reading `[breaker]`.

use std::ops::Range;
use std::time::Duration;

use ipc_breaker::{Mode, Settings};
use toml::de::DeTable;

use super::mistake::{Located, Place, Report};
use super::routes::ReadRoute;
use super::section::Section;
use super::value::{Count, FromText};

pub(super) const TITLE: &str = "[breaker]";
pub(super) const ROUTE_TITLE: &str = "[routes.breaker]";
pub(super) const KEYS: &[&str] = &[
    "mode",
    "window",
    "failures",
    "consecutive",
    "patience",
    "slow",
    "slow_answers",
    "open",
    "probes",
];

/// When requests to a service that fails are no longer sent. What a route does not say,
/// the gateway says for all; what that does not say is the default.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct BreakerRules {
    /// Whether it acts. Default: [`BreakerMode::Observe`].
    pub mode: Option<BreakerMode>,
    /// How far back requests are weighed. Default: 10 s; at least 1 s.
    pub window: Option<Duration>,
    /// The share of requests that fail and open it, 0 to 1. Default: 0.5.
    pub failures: Option<f64>,
    /// How many failures in a row open it. Default: 10.
    pub consecutive: Option<u32>,
    /// For how long requests must be slow, or remain without any answer, before that
    /// counts. Default: six tenths of the window; at most seven.
    pub patience: Option<Duration>,
    /// From when on an answer is slow. Default: half of the route's timeout.
    pub slow: Option<Duration>,
    /// The share of slow answers that opens it, 0 to 1. Default: 0.8.
    pub slow_answers: Option<f64>,
    /// How long it is open at least; up to four times as long, by chance. Default: 5 s.
    pub open: Option<Duration>,
    /// How many requests pass as probes, to see whether it goes better. Default: 1; at
    /// most 100.
    pub probes: Option<u32>,
}

/// Whether a breaker acts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BreakerMode {
    /// It refuses requests.
    On,
    /// It refuses none, and counts what it would have refused.
    #[default]
    Observe,
    /// There is none.
    Off,
}

/// How much longer than it is open at first it is at most, each time that a probe fails.
const LONGEST: u32 = 4;

impl BreakerRules {
    /// These, and what they do not say as `others` say it.
    #[must_use]
    pub fn over(&self, others: &Self) -> Self {
        Self {
            mode: self.mode.or(others.mode),
            window: self.window.or(others.window),
            failures: self.failures.or(others.failures),
            consecutive: self.consecutive.or(others.consecutive),
            patience: self.patience.or(others.patience),
            slow: self.slow.or(others.slow),
            slow_answers: self.slow_answers.or(others.slow_answers),
            open: self.open.or(others.open),
            probes: self.probes.or(others.probes),
        }
    }

    /// These with their defaults, but for that of `slow`, which is each route's own.
    #[must_use]
    pub fn with_defaults(&self) -> Self {
        let observing = Self {
            mode: None,
            ..self.clone()
        };
        let settings = observing.settings(Duration::MAX);
        let defaults = settings.map(|settings| Self {
            mode: Some(BreakerMode::default()),
            window: Some(settings.window),
            failures: Some(settings.failure_rate),
            consecutive: Some(settings.consecutive),
            patience: Some(settings.patience),
            slow: None,
            slow_answers: Some(settings.slow_rate),
            open: Some(settings.open),
            probes: Some(settings.probes),
        });
        self.over(&defaults.unwrap_or_default())
    }

    /// Whether it acts.
    pub(crate) fn mode(&self) -> BreakerMode {
        self.mode.unwrap_or_default()
    }

    /// What they come to for requests that wait for so long; `None` where there is no
    /// breaker.
    pub(crate) fn settings(&self, timeout: Duration) -> Option<Settings> {
        let mut settings = Settings::default();
        settings.mode = match self.mode() {
            BreakerMode::On => Mode::On,
            BreakerMode::Observe => Mode::Observe,
            BreakerMode::Off => return None,
        };
        settings.window = self.window.unwrap_or(settings.window);
        settings.spread = settings.window / 10;
        settings.patience = self.patience.unwrap_or(settings.window * 6 / 10);
        settings.failure_rate = self.failures.unwrap_or(settings.failure_rate);
        settings.consecutive = self.consecutive.unwrap_or(settings.consecutive);
        settings.slow = Some(self.slow.unwrap_or(timeout / 2));
        settings.slow_rate = self.slow_answers.unwrap_or(settings.slow_rate);
        settings.open = self.open.unwrap_or(settings.open);
        settings.longest_open = settings.open.saturating_mul(LONGEST);
        settings.probes = self.probes.unwrap_or(settings.probes);
        Some(settings)
    }
}

/// Reads `[breaker]`, or that of a route.
pub(super) fn read<'a>(
    title: &'static str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> BreakerRules {
    let section = Section::open(title, table, span, KEYS, report);
    BreakerRules {
        mode: read_one(&section, "mode", report),
        window: read_one(&section, "window", report).map(|Window(window)| window),
        failures: read_one(&section, "failures", report).map(|Part(part)| part),
        consecutive: read_one(&section, "consecutive", report).map(|Count(count)| count.into()),
        patience: read_one(&section, "patience", report),
        slow: read_one(&section, "slow", report),
        slow_answers: read_one(&section, "slow_answers", report).map(|Part(part)| part),
        open: read_one(&section, "open", report),
        probes: read_one(&section, "probes", report).map(|Probes(probes)| probes),
    }
}

fn read_one<T: FromText>(section: &Section<'_>, key: &str, report: &mut Report<'_>) -> Option<T> {
    let read: Option<Located<T>> = section.value(key, report);
    read.map(|read| read.value)
}

/// Tells the same of routes, in what they say themselves.
pub(super) fn check_routes(all: &BreakerRules, routes: &[ReadRoute], report: &mut Report<'_>) {
    for route in routes {
        let rules = &route.value.breaker;
        if *rules != BreakerRules::default() {
            check(&rules.over(all), &route.place, report);
        }
    }
}

/// Tells where patience does not fit into the window, which may be another table's.
pub(super) fn check(rules: &BreakerRules, place: &Place, report: &mut Report<'_>) {
    let Some(settings) = rules.settings(Duration::MAX) else {
        return;
    };
    for fault in settings.check().err().iter().flat_map(|it| it.faults()) {
        let mend = "write a longer window, or a shorter patience";
        report.add(place.clone(), format!("the breaker's {fault}"), mend);
    }
}

impl FromText for BreakerMode {
    const EXPECTED: &'static str = "what a breaker does";
    const MEND: &'static str = "write \"on\", \"observe\" or \"off\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "on" => Some(Self::On),
            "observe" => Some(Self::Observe),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

/// How far back requests are weighed.
struct Window(Duration);

impl FromText for Window {
    const EXPECTED: &'static str = "a duration of a second or more";
    const MEND: &'static str = "write a number with its unit, as in \"10s\"";

    fn from_text(text: &str) -> Option<Self> {
        let window = Duration::from_text(text)?;
        (window >= Duration::from_secs(1)).then_some(Self(window))
    }
}

/// A share of requests: some, and not all.
struct Part(f64);

impl FromText for Part {
    const EXPECTED: &'static str = "a share above 0% and below 100%";
    const MEND: &'static str = "write one, as in \"50%\"";

    fn from_text(text: &str) -> Option<Self> {
        let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
        (percent > 0.0 && percent < 100.0).then_some(Self(percent / 100.0))
    }
}

/// A number of probes.
struct Probes(u32);

impl FromText for Probes {
    const EXPECTED: &'static str = "a number from 1 to 100";
    const MEND: &'static str = "write digits, as in 3";

    fn from_text(text: &str) -> Option<Self> {
        let probes = text.parse().ok().filter(|it| (1..=100).contains(it));
        probes.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_every_route_make_sense() {
        for timeout in [Duration::from_millis(1), Duration::from_secs(30)] {
            let settings = BreakerRules::default().settings(timeout);

            let settings = settings.expect("it observes");
            assert_eq!(settings.mode, Mode::Observe);
            assert_eq!(settings.slow, Some(timeout / 2));
            assert_eq!(settings.check(), Ok(()));
        }
    }

    #[test]
    fn a_route_says_what_it_says_and_the_gateway_the_rest() {
        let route = BreakerRules {
            mode: Some(BreakerMode::On),
            ..BreakerRules::default()
        };
        let gateway = BreakerRules {
            mode: Some(BreakerMode::Off),
            consecutive: Some(3),
            ..BreakerRules::default()
        };

        let both = route.over(&gateway);

        assert_eq!((both.mode(), both.consecutive), (BreakerMode::On, Some(3)));
        assert_eq!(gateway.settings(Duration::from_secs(1)), None);
    }
}
