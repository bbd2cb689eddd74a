//! What is told of routes with WebSockets.

use super::effective::{Page, duration, quoted};
use super::explain::Told;
use super::origin::Origins;
use crate::config::{Route, ServiceMode, Target, WebSocket};

/// Writes `[routes.websocket]` of a route that has WebSockets.
pub(super) fn write_route(page: &mut Page, index: usize, route: &Route, origins: &Origins<'_>) {
    let Some(rules) = rules(route) else { return };
    let of = |key: &str| origins.of_table(index, &["websocket"], key);
    page.table("[routes.websocket]", None);
    page.set("ping", &quoted(&duration(rules.ping)), &of("ping"));
    match &rules.messages {
        Some(path) => {
            page.set("messages", &quoted(&path.to_string()), &of("messages"));
            let bytes = rules.message_bytes.to_string();
            page.set("message_bytes", &bytes, &of("message_bytes"));
        }
        None => page.unset("messages", "clients may send none"),
    }
    match rules.lifetime {
        Some(lifetime) => page.set("lifetime", &quoted(&duration(lifetime)), &of("lifetime")),
        None => page.unset("lifetime", "they last as long as both sides like"),
    }
}

/// Says where the messages go of a route that has WebSockets.
pub(super) fn tell_route(told: &mut Told, route: &Route) {
    let Some(rules) = rules(route) else { return };
    match &rules.messages {
        Some(path) => told.say(format_args!(
            "messages of clients: at most {} bytes, each sent on as POST {path}",
            rules.message_bytes
        )),
        None => told.say(format_args!("messages of clients: none is taken")),
    }
}

fn rules(route: &Route) -> Option<&WebSocket> {
    match &route.target {
        Target::Service {
            mode: ServiceMode::WebSocket,
            ..
        } => Some(&route.websocket),
        _ => None,
    }
}
