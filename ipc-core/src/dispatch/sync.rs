//! What threads share without a lock. `tests/loom` has its own in place of these, and
//! goes through every schedule of the code that is made of them.

pub(super) use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use futures_util::task::AtomicWaker;
