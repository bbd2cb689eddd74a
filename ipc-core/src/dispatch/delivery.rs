//! A record on its way to a handler.

use std::sync::Arc;

use tokio::time::Instant;

use crate::envelope::{Envelope, RequestHead};
use crate::transport::Origin;

use super::Policy;

/// A record with everything dispatch found out about it. What a layer and a
/// handler get.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// What the record says.
    pub envelope: Envelope,
    /// Where it came from.
    pub origin: Origin,
    /// Its headers, read.
    pub head: Arc<RequestHead>,
    /// What its endpoint asks for.
    pub policy: Arc<Policy>,
    /// When the handler must be done, by this process's clock.
    pub finish_by: Instant,
}

impl Delivery {
    /// Puts a delivery together; dispatch does, and so do tests of layers.
    #[must_use]
    pub fn new(
        envelope: Envelope,
        origin: Origin,
        head: Arc<RequestHead>,
        policy: Arc<Policy>,
        finish_by: Instant,
    ) -> Self {
        Self {
            envelope,
            origin,
            head,
            policy,
            finish_by,
        }
    }
}
