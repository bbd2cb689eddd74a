//! Which topics a caller may have its replies written to.

use std::sync::Arc;

/// The reply topics this service writes to.
///
/// The topic comes from the caller, so without a list any caller could make a
/// service write anywhere. Default: every topic that ends in `.replies` or
/// `.operations`, minus the service's own.
#[derive(Clone, Debug)]
pub struct ReplyTopics {
    allowed: Vec<Pattern>,
    own: Vec<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    EndsWith(String),
    StartsWith(String),
}

impl Default for ReplyTopics {
    fn default() -> Self {
        Self {
            allowed: [".replies", ".operations"]
                .map(|end| Pattern::EndsWith(end.to_owned()))
                .into(),
            own: Vec::new(),
        }
    }
}

impl ReplyTopics {
    /// None but those that are added.
    #[must_use]
    pub fn none() -> Self {
        Self {
            allowed: Vec::new(),
            own: Vec::new(),
        }
    }

    /// Adds a topic, or several through a `*` at the start or the end of the name.
    #[must_use]
    pub fn and(mut self, pattern: &str) -> Self {
        self.allowed.push(Pattern::parse(pattern));
        self
    }

    /// Names topics that are never written to as reply topics, whatever is allowed.
    #[must_use]
    pub fn except(mut self, own: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.own.extend(own);
        self
    }

    /// Whether replies may be written to `topic`.
    #[must_use]
    pub fn allow(&self, topic: &str) -> bool {
        self.own.iter().all(|own| **own != *topic)
            && self.allowed.iter().any(|pattern| pattern.matches(topic))
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        if let Some(end) = text.strip_prefix('*') {
            Self::EndsWith(end.to_owned())
        } else if let Some(start) = text.strip_suffix('*') {
            Self::StartsWith(start.to_owned())
        } else {
            Self::Exact(text.to_owned())
        }
    }

    fn matches(&self, topic: &str) -> bool {
        match self {
            Self::Exact(name) => topic == name,
            Self::EndsWith(end) => topic.ends_with(end.as_str()),
            Self::StartsWith(start) => topic.starts_with(start.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_only_some_are_named_no_other_is_written_to() {
        let topics = ReplyTopics::none().and("shim.replies");
        assert!(topics.allow("shim.replies"));
        assert!(!topics.allow("web.replies"));
        assert!(!ReplyTopics::none().allow(""));
    }

    #[test]
    fn replies_go_to_reply_topics_and_never_to_the_services_own() {
        let topics = ReplyTopics::default()
            .and("spring-*")
            .except([Arc::from("orders.replies")]);
        assert!(topics.allow("web.replies"));
        assert!(topics.allow("web.operations"));
        assert!(topics.allow("spring-web"));
        assert!(!topics.allow("orders.replies"));
        assert!(!topics.allow("orders.requests"));
        assert!(!topics.allow("__consumer_offsets"));
    }
}
