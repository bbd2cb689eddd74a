//! One step of a route, as a webhook is told of it: a CloudEvents 1.0 document
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).

use std::time::{Duration, UNIX_EPOCH};

use humantime::format_rfc3339_millis;
use serde::Serialize;

use crate::migration::{Position, Stage};

/// The kind of event, for those who receive others too.
const KIND: &str = "ipc.migration.moved";

/// A step that a route has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::migration) struct Step {
    /// Where it stood before, where that is known.
    pub(in crate::migration) from: Option<Stage>,
    pub(in crate::migration) position: Position,
}

#[derive(Serialize)]
struct Event<'s> {
    specversion: &'static str,
    /// The same for a step that is told again.
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: &'s str,
    time: String,
    datacontenttype: &'static str,
    data: Data<'s>,
}

#[derive(Serialize)]
struct Data<'s> {
    fleet: &'s str,
    route: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Stage>,
    #[serde(flatten)]
    position: &'s Position,
}

impl Step {
    /// What is told of it.
    pub(super) fn to_json(&self, fleet: &str, route: &str) -> Vec<u8> {
        let position = &self.position;
        let event = Event {
            specversion: "1.0",
            id: format!("{fleet}/{route}/{}", position.generation),
            source: format!("/ipc-http-shim/{fleet}"),
            kind: KIND,
            subject: route,
            time: time(position.since),
            datacontenttype: "application/json",
            data: Data {
                fleet,
                route,
                from: self.from,
                position,
            },
        };
        // Strings and numbers: serialising cannot fail.
        serde_json::to_vec(&event).unwrap_or_default()
    }
}

/// Unix milliseconds as RFC 3339 has them; the epoch for what no calendar holds.
fn time(millis: u64) -> String {
    /// The last second of the year 9999.
    const LAST: u64 = 253_402_300_799_000;
    let millis = if millis > LAST { 0 } else { millis };
    format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis)).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_step_is_told_as_a_cloud_event() {
        let step = Step {
            from: Some(Stage::Kafka),
            position: Position {
                generation: 7,
                held: Some("requests failed".to_owned()),
                since: 1_764_000_000_123,
                why: "requests failed".to_owned(),
                ..Position::first(Stage::Shadow)
            },
        };

        let told: Value = serde_json::from_slice(&step.to_json("shim", "orders")).expect("JSON");

        assert_eq!(
            told,
            json!({
                "specversion": "1.0",
                "id": "shim/orders/7",
                "source": "/ipc-http-shim/shim",
                "type": "ipc.migration.moved",
                "subject": "orders",
                "time": "2025-11-24T16:00:00.123Z",
                "datacontenttype": "application/json",
                "data": {
                    "fleet": "shim",
                    "route": "orders",
                    "from": "kafka",
                    "generation": 7,
                    "stage": "shadow",
                    "held": "requests failed",
                    "since": 1_764_000_000_123_u64,
                    "why": "requests failed",
                },
            })
        );
    }

    #[test]
    fn a_time_that_no_calendar_holds_is_no_panic() {
        assert_eq!(time(u64::MAX), "1970-01-01T00:00:00.000Z");
    }
}
