//! Transports, consumers and inlets that do one thing otherwise than another they stand
//! before.
//!
//! A decorator names what it stands before, and writes only what it does otherwise. The
//! rest is passed on here and nowhere else: what is added to [`Transport`](super::Transport),
//! [`ConsumerControl`](super::ConsumerControl) or [`Inlet`](super::Inlet) is added here too.

mod consumer;
mod inlet;
mod transport;

pub use consumer::ConsumerDecorator;
pub use inlet::Tap;
pub use transport::TransportDecorator;
