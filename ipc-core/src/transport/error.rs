//! What can go wrong below the level of single records.

use std::fmt;

/// A transport could not do what it was asked.
///
/// The message names the thing, its value and the mend.
#[derive(Debug)]
pub struct TransportError {
    message: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Configuration,
    Unreachable,
    MissingTopic,
    Other,
}

impl TransportError {
    /// The configuration cannot work.
    #[must_use]
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, message)
    }

    /// No broker answered.
    #[must_use]
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, message)
    }

    /// A topic or partition does not exist.
    #[must_use]
    pub fn missing_topic(message: impl Into<String>) -> Self {
        Self::new(Kind::MissingTopic, message)
    }

    /// Anything else.
    #[must_use]
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(Kind::Other, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind,
        }
    }

    /// Whether the configuration must change before a retry can help.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.kind == Kind::Configuration
    }

    /// Whether no broker answered; a retry may help.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.kind == Kind::Unreachable
    }

    /// Whether a topic or partition does not exist.
    #[must_use]
    pub fn is_missing_topic(&self) -> bool {
        self.kind == Kind::MissingTopic
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {}
