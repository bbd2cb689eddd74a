//! What tests of services, of transports and of dedup stores use.
//!
//! [`model`] runs whole services under seeded faults.

mod checks;
pub mod conformance;
pub mod model;
mod observer;
pub mod store;

pub use observer::{Observer, Seen};
