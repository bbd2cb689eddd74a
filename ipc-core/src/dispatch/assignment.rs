//! One assignment of one partition.

/// Finds its partition in a step, and finds nothing once the partition was taken
/// away, even if it has come back since.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Assignment {
    pub(super) index: usize,
    pub(super) epoch: u64,
}
