//! What a typed handler gets.

use crate::dispatch::Delivery;

/// A record's body, read, with the record it came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message<T> {
    /// The body.
    pub body: T,
    /// The record, and everything dispatch found out about it.
    pub delivery: Delivery,
}

impl<T> Message<T> {
    /// Puts a message together; [`TopicHandler`](super::TopicHandler) does, and
    /// so do tests of handlers.
    #[must_use]
    pub const fn new(body: T, delivery: Delivery) -> Self {
        Self { body, delivery }
    }
}
