//! What tests of services, of transports and of dedup stores use.
//!

mod checks;
pub mod conformance;
mod observer;
pub mod store;

pub use observer::{Observer, Seen};
