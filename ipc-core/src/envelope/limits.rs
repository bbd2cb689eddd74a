//! Sizes that both ends of the wire rely on.

/// Bytes of one chunk of a body that does not fit a record.
pub const CHUNK: usize = 512 * 1024;
/// Bytes of one body or reply stream that may be sent beyond what its reader has
/// said it took.
pub const UNREAD: u64 = 2 * 1024 * 1024;
