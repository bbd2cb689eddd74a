//! What a description says of one method of a path.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reference::followed;
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
    /// What the description `root` says of a method of `item`.
    pub(super) fn read<'d>(
        method: &str,
        operation: &'d DeTable<'d>,
        item: &DeTable<'_>,
        root: &'d DeTable<'d>,
    ) -> Self {
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
            mode: mode(operation, root),
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
fn mode<'d>(operation: &'d DeTable<'d>, root: &'d DeTable<'d>) -> ServiceMode {
    let Some(responses) = table(operation, "responses") else {
        return ServiceMode::Call;
    };
    let good: Vec<(&str, &DeValue<'_>)> = responses
        .iter()
        .map(|(status, response)| (status.get_ref().as_ref(), response.get_ref()))
        .filter(|(status, _)| status.starts_with('2'))
        .collect();
    let is_stream = |response: &'d DeValue<'d>| {
        let response = response.as_table();
        let response = response.and_then(|response| followed(root, response));
        let content = response.and_then(|response| table(response, "content"));
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
