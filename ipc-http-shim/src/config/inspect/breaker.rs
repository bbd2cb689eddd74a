//! When a service is no longer asked, as it is told.

use std::time::Duration;

use super::effective::{Page, duration, quoted};
use super::explain::Told;
use super::moving::share;
use super::origin::Origins;
use crate::config::{BreakerMode, BreakerRules, Config, Route, Target};

/// Writes `[breaker]`, defaults included.
pub(super) fn write_breaker(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    page.table("[breaker]", None);
    let rules = config.breaker.with_defaults();
    for (key, value) in written(&rules) {
        page.set(key, &value, &origins.of_section("breaker", key));
    }
    if rules.slow.is_none() {
        page.unset("slow", "half of a route's timeout is");
    }
}

/// Writes what a route says itself.
pub(super) fn write_route_breaker(
    page: &mut Page,
    index: usize,
    route: &Route,
    origins: &Origins<'_>,
) {
    if route.breaker == BreakerRules::default() {
        return;
    }
    page.table("[routes.breaker]", None);
    for (key, value) in written(&route.breaker) {
        page.set(key, &value, &origins.of_table(index, &["breaker"], key));
    }
}

/// Says when the service of a route is no longer asked.
pub(super) fn tell_breaker(
    told: &mut Told,
    config: &Config,
    origins: &Origins<'_>,
    route: &Route,
    index: usize,
) {
    if !matches!(route.target, Target::Service { .. }) {
        return;
    }
    let rules = route.breaker.over(&config.breaker);
    let origin = match route.breaker.mode {
        Some(_) => origins.of_table(index, &["breaker"], "mode"),
        None => origins.of_section("breaker", "mode"),
    };
    let timeout = route.timeout.unwrap_or(config.timeout);
    let Some(settings) = rules.settings(timeout) else {
        return told.say(format_args!("breaker: off ({origin})"));
    };
    let acts = match rules.mode() {
        BreakerMode::On => "on",
        _ => "observes, and refuses nothing",
    };
    told.say(format_args!(
        "breaker: {acts} ({origin}); opens for {} or longer where {} of the requests within {} \
         fail, or {} in a row, or {} take {} or longer, or none is answered, for {}",
        duration(settings.open),
        share(settings.failure_rate),
        duration(settings.window),
        settings.consecutive,
        share(settings.slow_rate),
        duration(settings.slow.unwrap_or(timeout)),
        duration(settings.patience),
    ));
}

/// The rules that are said, as they are written.
fn written(rules: &BreakerRules) -> Vec<(&'static str, String)> {
    let BreakerRules {
        mode,
        window,
        failures,
        consecutive,
        patience,
        slow,
        slow_answers,
        open,
        probes,
    } = rules;
    let time = |value: &Option<Duration>| value.map(|it| quoted(&duration(it)));
    let part = |value: &Option<f64>| value.map(|it| quoted(&share(it)));
    let mode = mode.map(|mode| {
        quoted(match mode {
            BreakerMode::On => "on",
            BreakerMode::Observe => "observe",
            BreakerMode::Off => "off",
        })
    });
    let written = [
        ("mode", mode),
        ("window", time(window)),
        ("failures", part(failures)),
        ("consecutive", consecutive.map(|it| it.to_string())),
        ("patience", time(patience)),
        ("slow", time(slow)),
        ("slow_answers", part(slow_answers)),
        ("open", time(open)),
        ("probes", probes.map(|it| it.to_string())),
    ];
    let said = written.into_iter();
    said.filter_map(|(key, value)| Some((key, value?)))
        .collect()
}
