//! A gateway beside a process, for what that asks of services.

use std::net::{Ipv4Addr, SocketAddr};

use http::HeaderName;
use ipc_core::envelope::names::IDEMPOTENCY_KEY;

use super::mistake::{Located, Place, Report};
use super::rewriting::PathRewrite;
use super::routes::ReadRoute;
use super::section::Section;
use super::{Config, KeyRule, Rewriting, Route, ServicePattern};

/// How long a broker keeps a question for replies that are not there. One that comes is
/// told at once; sidecars are many, and mostly nobody asks them anything.
pub(super) const FETCH_WAIT_MS: u32 = 500;

/// What a sidecar has by default where another gateway has something else: nobody but
/// the process beside it gets through, and its replies are among those of sidecars.
pub(super) fn defaults(config: &mut Config) {
    config.sidecar = true;
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    config.fleet = "sidecar".to_owned();
}

/// Tells of a sidecar that others reach, too.
pub(super) fn check_listen(listen: Option<&Located<SocketAddr>>, report: &mut Report<'_>) {
    if let Some(listen) = listen
        && !listen.value.ip().to_canonical().is_loopback()
    {
        report.add(
            listen.place.clone(),
            format!(
                "a sidecar listens on {}, where others than the process beside it get through",
                listen.value
            ),
            "write a loopback address, as in \"127.0.0.1:8080\", or leave sidecar out",
        );
    }
}

/// Adds to `routes` those to everything below the name of each of the `services`, where
/// they have none of the same path themselves.
pub(super) fn add_routes(
    routes: &mut Vec<ReadRoute>,
    root: &Section<'_>,
    services: &[ServicePattern],
    report: &mut Report<'_>,
) {
    if root.get("services").is_none() {
        return report.add(
            Place::File,
            "a sidecar has no services that it may call",
            "name them, as in services = [\"orders\"]",
        );
    }
    let place = root.place_of("services", report);
    for pattern in services {
        let Some(service) = pattern.single() else {
            report.add(
                place.clone(),
                format!("a sidecar cannot serve {pattern}: each service has its name as its path"),
                "write each name",
            );
            continue;
        };
        for route in below_its_name(service) {
            let is_taken = |other: &ReadRoute| {
                other.value.methods.is_empty() && other.value.path == route.path
            };
            if !routes.iter().any(is_taken) {
                let place = place.clone();
                routes.push(Located {
                    value: route,
                    place,
                });
            }
        }
    }
}

/// Everything below `/<service>/`, with that taken away.
fn below_its_name(service: &str) -> impl Iterator<Item = Route> {
    ["", "{*rest}"].into_iter().filter_map(move |rest| {
        let rewriting = Rewriting {
            path: Some(PathRewrite::parse(&format!("/{rest}")).ok()?),
            ..Rewriting::default()
        };
        let route = Route::call(format!("/{service}/{rest}"), service);
        // The path is no key: all requests to a collection would wait for each other.
        let key = KeyRule::Header(HeaderName::from_static(IDEMPOTENCY_KEY));
        Some(route.key(key).rewriting(rewriting))
    })
}
