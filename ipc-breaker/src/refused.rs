//! A call that may not be made.

use std::time::Duration;

/// Why a call may not be made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The breaker is open.
    Open,
    /// What fails is nearly enough to open it, and this call was one of the share that is
    /// refused.
    Shed,
    /// As many probes as may be are under way.
    Probing,
    /// It goes better, and this call was one of the share that has to wait.
    Ramping,
}

/// A call that may not be made. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the breaker lets no call through for {retry_after:?}")]
#[non_exhaustive]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// When the reason may no longer hold: for [`Reason::Open`] not before then.
    pub retry_after: Duration,
}
