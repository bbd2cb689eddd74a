//! Who may have how much.

pub(crate) mod bulkhead;
pub(crate) mod client;
pub(crate) mod metrics;
pub(crate) mod rate;
pub(crate) mod service;
pub(crate) mod subnet;
