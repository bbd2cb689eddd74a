//! What a store may fail with.

use std::error::Error;

use super::Claimed;

/// The store cannot say what has become of a piece of work: it is away, slow, or
/// holds what it does not understand.
#[derive(Debug, thiserror::Error)]
#[error("dedup store {store}: {reason}")]
pub struct StoreError {
    /// The store: `redis`.
    pub store: &'static str,
    /// What happened, fit for logs and the readiness body: no key, no payload.
    pub reason: String,
    /// What the store's client said.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// `store` failed for `reason`.
    #[must_use]
    pub fn new(store: &'static str, reason: impl Into<String>) -> Self {
        Self {
            store,
            reason: reason.into(),
            source: None,
        }
    }

    /// Adds what the store's client said.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A reply that is not stored, or not certainly.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The lease was over and another owner claimed the work. Nothing is stored.
    #[error("another owner has taken the work over")]
    Fenced,
    /// Nothing is stored, and what the handler wrote through the store is undone. It
    /// would be again: the handler, or what it wrote, is why.
    #[error("the reply is not stored: {0}")]
    Undone(#[source] StoreError),
    /// It may or may not be stored.
    #[error("the reply may or may not be stored: {error}")]
    Unknown {
        /// Why.
        #[source]
        error: StoreError,
        /// To try again with; `None` where nothing is left that could be finished.
        claimed: Option<Box<dyn Claimed>>,
    },
}
