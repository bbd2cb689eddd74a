//! What a description says of one method of a path.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::ServiceMode;
use crate::config::section::text_of;

/// What a description says of one method of a path.
pub(super) struct Operation {
    /// In upper case.
    pub(super) method: String,
    pub(super) mode: ServiceMode,
    /// What it is called, on one line.
    pub(super) title: String,
    /// What a route cannot say of it.
    pub(super) lost: Vec<&'static str>,
}

impl Operation {
    pub(super) fn read(method: &str, operation: &DeTable<'_>, item: &DeTable<'_>) -> Self {
        let text = |key: &str| {
            let text = operation
                .get(key)
                .and_then(|value| text_of(value.get_ref()));
            // A comment is one line, whatever a description has.
            text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let title = match (text("operationId"), text("summary")) {
            (Some(id), Some(summary)) => format!("{id}: {summary}"),
            (id, summary) => id.or(summary).unwrap_or_default(),
        };
        let has = |key: &str| operation.contains_key(key);
        let lost = [
            (
                has("deprecated") && text("deprecated").as_deref() == Some("true"),
                "it is deprecated",
            ),
            (has("security"), "its security is left to the service"),
            (
                has("callbacks"),
                "callbacks are calls of the service, and no routes",
            ),
            (
                has("servers") || item.contains_key("servers"),
                "it has servers of its own, which a route cannot have",
            ),
        ];
        Self {
            method: method.to_ascii_uppercase(),
            mode: mode(operation),
            title,
            lost: lost
                .into_iter()
                .filter_map(|(is, what)| is.then_some(what))
                .collect(),
        }
    }
}

/// Events are a stream, an answer that can only be 202 needs nobody to wait for it,
/// and all else is a call.
fn mode(operation: &DeTable<'_>) -> ServiceMode {
    let Some(responses) = table(operation, "responses") else {
        return ServiceMode::Call;
    };
    let good: Vec<(&str, &DeValue<'_>)> = responses
        .iter()
        .map(|(status, response)| (status.get_ref().as_ref(), response.get_ref()))
        .filter(|(status, _)| status.starts_with('2'))
        .collect();
    let is_stream = |response: &DeValue<'_>| {
        let content = response
            .as_table()
            .and_then(|table_of| table(table_of, "content"));
        content.is_some_and(|content| content.contains_key("text/event-stream"))
    };
    if good.iter().any(|(_, response)| is_stream(response)) {
        ServiceMode::Stream
    } else if !good.is_empty() && good.iter().all(|(status, _)| *status == "202") {
        ServiceMode::OneWay
    } else {
        ServiceMode::Call
    }
}

fn table<'a>(table: &'a DeTable<'a>, key: &str) -> Option<&'a DeTable<'a>> {
    table.get(key).map(Spanned::get_ref)?.as_table()
}
