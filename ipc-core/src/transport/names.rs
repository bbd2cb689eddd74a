//! The names of our topics, decided in one place.

use std::sync::Arc;

/// Names topics after services and fleets.
///
/// A name that travels in a record's headers is the whole name, prefix and all:
/// the other side need not know of any prefix.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopicNames {
    prefix: String,
}

impl TopicNames {
    /// Names that begin with `prefix`, which says all of the separator too:
    /// `staging.` gives `staging.orders.requests`.
    #[must_use]
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// The prefix; empty by default.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where a service takes its requests from.
    #[must_use]
    pub fn requests(&self, service: &str) -> Arc<str> {
        self.name(service, "requests")
    }

    /// Where a service hears of cancels, credits and presence.
    #[must_use]
    pub fn control(&self, service: &str) -> Arc<str> {
        self.name(service, "control")
    }

    /// Where a fleet of callers takes its replies from.
    #[must_use]
    pub fn replies(&self, fleet: &str) -> Arc<str> {
        self.name(fleet, "replies")
    }

    /// Where a service puts the records it gave up.
    #[must_use]
    pub fn dead_letters(&self, service: &str) -> Arc<str> {
        self.name(service, "dlq")
    }

    /// Where a service keeps what has become of the requests of a topic.
    #[must_use]
    pub fn dedup(&self, requests: &str) -> Arc<str> {
        let owner = requests.strip_suffix(".requests").unwrap_or(requests);
        format!("{owner}.dedup").into()
    }

    /// A topic that somebody named.
    #[must_use]
    pub fn named(&self, topic: &str) -> Arc<str> {
        format!("{}{topic}", self.prefix).into()
    }

    fn name(&self, owner: &str, what: &str) -> Arc<str> {
        format!("{}{owner}.{what}", self.prefix).into()
    }

    /// Whether topics can have this prefix; says why not.
    #[cfg(feature = "kafka")]
    pub(super) fn check(&self) -> Result<(), String> {
        /// Longest name that Kafka takes.
        const LONGEST: usize = 249;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(odd) = self.prefix.chars().find(|c| !fits(*c)) {
            return Err(format!(
                "{odd:?} cannot be in a topic's name: use letters, digits, dot, underscore and hyphen"
            ));
        }
        if self.prefix.len() > LONGEST / 2 {
            return Err(format!(
                "leaves too little of the {LONGEST} characters of a topic's name: shorten it"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_goes_before_every_name() {
        let names = TopicNames::with_prefix("staging.");
        assert_eq!(&*names.requests("orders"), "staging.orders.requests");
        assert_eq!(&*names.control("orders"), "staging.orders.control");
        assert_eq!(&*names.replies("shim"), "staging.shim.replies");
        assert_eq!(&*names.dead_letters("orders"), "staging.orders.dlq");
        assert_eq!(&*names.named("orders.priority"), "staging.orders.priority");
        assert_eq!(
            &*names.dedup("staging.orders.requests"),
            "staging.orders.dedup"
        );
        assert_eq!(&*names.dedup("staging.urgent"), "staging.urgent.dedup");
        assert_eq!(
            &*TopicNames::default().requests("orders"),
            "orders.requests"
        );
    }
}
