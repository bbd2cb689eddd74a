//! What tests of services and of transports use.

mod observer;

pub use observer::{Observer, Seen};
