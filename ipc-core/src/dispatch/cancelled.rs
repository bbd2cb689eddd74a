//! Cancels that overtook their request.

use std::collections::{HashSet, VecDeque};

use crate::envelope::CorrelationId;

/// How many are remembered; the oldest go first.
const KEPT: usize = 10_000;

/// Ids of requests nobody waits for, in case they are still to come. Best
/// effort: what is forgotten merely runs in vain.
#[derive(Debug, Default)]
pub(super) struct Cancelled {
    ids: HashSet<CorrelationId>,
    order: VecDeque<CorrelationId>,
}

impl Cancelled {
    pub(super) fn remember(&mut self, id: CorrelationId) {
        if self.ids.insert(id.clone()) {
            self.order.push_back(id);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    /// Whether this request was cancelled; asked when it starts.
    pub(super) fn remove(&mut self, id: &CorrelationId) -> bool {
        !self.ids.is_empty() && self.ids.remove(id)
    }
}
