//! Whether a route can move.

use crate::config::mistake::{Place, Report};
use crate::config::route::{ServiceMode, Target};
use crate::migration::{Migration, Stage};

/// Where a route that moves comes from, and whether it can be compared on its way.
pub(super) fn check(
    migration: &Migration,
    target: &Target,
    legacy_is_set: bool,
    place: Place,
    report: &mut Report<'_>,
) {
    let mode = match target {
        Target::Service { mode, .. } => mode,
        Target::Aggregate(_) => {
            return report.add(
                place,
                "a route with mode \"aggregate\" does not move",
                "let the routes move that its parts go to",
            );
        }
        Target::Legacy => {
            return report.add(
                place,
                "a route with mode \"legacy\" does not move",
                "name its service, and let steps begin with \"legacy\"",
            );
        }
    };
    let uncompared = match mode {
        ServiceMode::Stream => Some("a stream is not compared"),
        ServiceMode::WebSocket => Some("a WebSocket is not compared"),
        ServiceMode::Accepted => Some("what is answered later is not compared"),
        ServiceMode::Call | ServiceMode::OneWay => None,
    };
    if let Some(uncompared) = uncompared
        && migration.steps.contains(&Stage::Shadow)
    {
        report.add(
            place.clone(),
            format!("{uncompared}, and a step of its migration is \"shadow\""),
            "write the steps without it, as in steps = [\"legacy\", \"10%\", \"kafka\"]",
        );
    }
    if *mode == ServiceMode::WebSocket && migration.fallback {
        report.add(
            place.clone(),
            "a WebSocket has no fallback: it is opened by one of both",
            "leave fallback out",
        );
    }
    if !legacy_is_set {
        report.add(
            place,
            "a route moves, and there is no legacy upstream it could come from",
            "set legacy = \"http://host:port\" at the top of the file",
        );
    }
}
