//! What tests of services and of transports use.

pub mod conformance;
mod observer;

pub use observer::{Observer, Seen};
