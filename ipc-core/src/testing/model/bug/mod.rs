//! Bugs on purpose: what a checker does not find it cannot be trusted about.

mod store;
mod transactions;
mod transport;

use std::sync::Arc;

use self::store::PlantedStore;
use self::transport::Planted;
use crate::store::DedupStore;
use crate::transport::Transport;
use crate::transport::memory::MemoryCluster;

/// A mistake that a framework like this one can make.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Bug {
    /// Offsets are stored when records arrive, not when they are finished.
    CommitsEarly,
    /// One record too many is stored as finished.
    SkipsARecord,
    /// Stored offsets move back.
    CommitsBackwards,
    /// A reply carries the body of the one before it.
    SwapsReplies,
    /// Some replies are acknowledged and not written.
    LosesReplies,
    /// Some requests are acknowledged and not written.
    LosesRequests,
    /// Dead letters are written twice.
    DoublesLetters,
    /// Dead letters are acknowledged and not written.
    LosesLetters,
    /// What was fetched together is handed over in the opposite order.
    TurnsOrder,
    /// Work counts as done when it is claimed.
    MarksEarly,
    /// Work never counts as done.
    NeverMarks,
    /// Claims do not keep others off.
    ClaimsNothing,
    /// Work is done unclaimed where the store does not answer, whatever was asked for.
    WorksUnclaimed,
    /// A reply goes out though the store has not said that it keeps it.
    AnswersUnstored,
    /// A store in the log does not read what was stored before it came.
    RestoresNothing,
    /// What a store in the log keeps is acknowledged and not written.
    LosesMarks,
    /// An instance that is taken for dead commits all the same.
    UnfencedZombie,
    /// That a caller gave up is acknowledged and not written.
    LosesCancels,
    /// What waits for another attempt is acknowledged and not written.
    LosesRetries,
    /// What was parked is not read by the next owner.
    ForgetsParked,
    /// What waits for another attempt does not say how many there were.
    ForgetsAttempts,
    /// What waits for another attempt says that there were more than there were.
    SkipsAttempts,
    /// Outputs are committed in a transaction, and offsets after it.
    CommitsApart,
}

impl Bug {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::CommitsEarly,
        Self::SkipsARecord,
        Self::CommitsBackwards,
        Self::SwapsReplies,
        Self::LosesReplies,
        Self::LosesRequests,
        Self::DoublesLetters,
        Self::LosesLetters,
        Self::TurnsOrder,
        Self::MarksEarly,
        Self::NeverMarks,
        Self::ClaimsNothing,
        Self::WorksUnclaimed,
        Self::AnswersUnstored,
        Self::RestoresNothing,
        Self::LosesMarks,
        Self::UnfencedZombie,
        Self::LosesCancels,
        Self::LosesRetries,
        Self::ForgetsParked,
        Self::ForgetsAttempts,
        Self::SkipsAttempts,
        Self::CommitsApart,
    ];

    /// Whether it shows in trials of [exactly-once](super::Trial::exactly_once) endpoints.
    #[must_use]
    pub fn is_of_transactions(self) -> bool {
        matches!(self, Self::CommitsApart)
    }

    /// Plants it between an instance and its transport.
    pub(super) fn in_transport(
        self,
        inner: Arc<dyn Transport>,
        cluster: &MemoryCluster,
    ) -> Arc<dyn Transport> {
        Arc::new(Planted::new(inner, cluster.clone(), self))
    }

    /// Plants it between a caller and its transport, if it is one of callers.
    pub(super) fn in_callers_transport(
        self,
        inner: Arc<dyn Transport>,
        cluster: &MemoryCluster,
    ) -> Arc<dyn Transport> {
        match self {
            Self::LosesRequests | Self::LosesCancels => self.in_transport(inner, cluster),
            _ => inner,
        }
    }

    /// Plants it in the dedup store.
    pub(super) fn in_store<S: DedupStore>(self, store: S) -> impl DedupStore + use<S> {
        PlantedStore { store, bug: self }
    }
}
