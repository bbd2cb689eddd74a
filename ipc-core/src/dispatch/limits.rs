//! How much work is taken on at once.

use std::time::Duration;

use super::Quarantine;

/// Bounds of one service instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Handlers that may run at once. Default: 256.
    pub concurrency: usize,
    /// Handlers that may run at once for one partition. Default: no bound of its own.
    pub per_partition: Option<usize>,
    /// Part of `concurrency` kept for nested calls, so that services which call
    /// each other do not wait for each other's permits. Default: a tenth.
    pub nested_reserve: usize,
    /// Records of one partition between the oldest unfinished and the newest
    /// before fetching pauses; it goes on at half of it. What is on its way by then
    /// still arrives: at most 1023 records more. Default: 4096.
    pub window: usize,
    /// Records of one partition that are parked, by endpoints whose retry policy is
    /// `key_parked`, before fetching pauses; it goes on at half of it. They stay in
    /// memory. Default: 4096.
    pub parked: usize,
    /// Reply streams that may be open at once. Default: 10 000.
    pub streams: usize,
    /// How long revoked partitions, and everything at shutdown, may take to
    /// finish what runs. Default: 10 s.
    pub drain: Duration,
    /// How long outputs of exactly-once endpoints wait for others, to be committed in
    /// one transaction with them. Default: 50 ms.
    pub transaction_linger: Duration,
    /// How long a one-way for an endpoint nobody knows waits for one to appear.
    /// Default: 10 min, because a rolling deploy makes it normal.
    pub unknown_endpoint_grace: Duration,
    /// When a record is given up because processes end while it is handled. Default:
    /// after three deaths.
    pub quarantine: Quarantine,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 256,
            per_partition: None,
            nested_reserve: 26,
            window: 4096,
            parked: 4096,
            streams: 10_000,
            drain: Duration::from_secs(10),
            transaction_linger: Duration::from_millis(50),
            unknown_endpoint_grace: Duration::from_secs(10 * 60),
            quarantine: Quarantine::default(),
        }
    }
}
