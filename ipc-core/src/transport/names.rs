//! The names of our topics, decided in one place.

use std::sync::Arc;
use std::time::Duration;

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

    /// Where it stands what of a service is paused.
    #[must_use]
    pub fn pauses(&self, service: &str) -> Arc<str> {
        self.name(service, "pauses")
    }

    /// Where a fleet of callers takes its replies from.
    #[must_use]
    pub fn replies(&self, fleet: &str) -> Arc<str> {
        self.name(fleet, "replies")
    }

    /// Where a fleet of gateways keeps what became of requests that nobody waits for.
    #[must_use]
    pub fn operations(&self, fleet: &str) -> Arc<str> {
        self.name(fleet, "operations")
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

    /// Where records of a topic are parked whose key waits for one that failed.
    #[must_use]
    pub fn parked(&self, requests: &str) -> Arc<str> {
        let owner = requests.strip_suffix(".requests").unwrap_or(requests);
        format!("{owner}.parked").into()
    }

    /// Where records of a service wait for so long until they are tried again.
    #[must_use]
    pub fn retries(&self, service: &str, delay: Duration) -> Arc<str> {
        self.name(service, &format!("retry.{}", short(delay)))
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

/// A delay in the largest unit that it is a whole number of: `100ms`, `90s`, `5m`, `2h`.
fn short(delay: Duration) -> String {
    let millis = delay.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "ms"));
    format!("{}{name}", millis / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_told_in_the_largest_unit_that_fits() {
        for (millis, text) in [
            (0, "0ms"),
            (100, "100ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (300_000, "5m"),
            (7_200_000, "2h"),
        ] {
            assert_eq!(short(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_prefix_goes_before_every_name() {
        let names = TopicNames::with_prefix("staging.");
        assert_eq!(&*names.requests("orders"), "staging.orders.requests");
        assert_eq!(&*names.control("orders"), "staging.orders.control");
        assert_eq!(&*names.pauses("orders"), "staging.orders.pauses");
        assert_eq!(&*names.replies("shim"), "staging.shim.replies");
        assert_eq!(&*names.operations("shim"), "staging.shim.operations");
        assert_eq!(&*names.dead_letters("orders"), "staging.orders.dlq");
        let minute = Duration::from_secs(60);
        let retries = names.retries("orders", minute);
        assert_eq!(&*retries, "staging.orders.retry.1m");
        assert_eq!(&*names.named("orders.priority"), "staging.orders.priority");
        assert_eq!(
            &*names.dedup("staging.orders.requests"),
            "staging.orders.dedup"
        );
        assert_eq!(&*names.dedup("staging.urgent"), "staging.urgent.dedup");
        assert_eq!(
            &*names.parked("staging.orders.requests"),
            "staging.orders.parked"
        );
        assert_eq!(
            &*TopicNames::default().requests("orders"),
            "orders.requests"
        );
    }
}
