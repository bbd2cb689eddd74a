//! When a record is given up because processes end while it is handled.

/// After how many deaths a record is taken for their cause.
///
/// A process that ends without a word, while records are handled, may have been killed by
/// one of them: by an abort, by a stack that overflows, by the kernel because it took all
/// memory. The next owner of its partitions would begin with the same record. So each
/// owner notes with the group's committed offset that it has begun there. The first of
/// the counted deaths tells that something is wrong, and from then on the first records
/// of that partition are handled one at a time, each written down before it begins; the
/// others tell which record it is.
///
/// Not counted is a death after progress: the first, mostly, of an instance that has
/// been running for a while. Nor is whatever ends in order: a drain, a rebalance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Quarantine {
    /// A record that has ended so many processes is given up: dead letter
    /// `quarantined`, or for a call a 500. At least 2. Default: 3.
    After(u32),
    /// A record is begun again however often its process ends.
    Never,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self::After(3)
    }
}
