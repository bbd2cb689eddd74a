//! Modes as types, so that a one-way request cannot be called by mistake.

use super::Mode;

/// A [`Mode`] the compiler can tell apart.
pub trait ModeMarker: sealed::Sealed {
    /// The mode.
    const MODE: Mode;
}

/// Holds where both modes are one: what a kind of request asks of its contract.
#[diagnostic::on_unimplemented(
    message = "the contract's mode is `{Self}`, and `{M}` is needed here",
    note = "a client's `call` takes calls, `send` one-way requests, and `stream` stream requests"
)]
pub trait SameMode<M>: sealed::Sealed {}

impl<M: ModeMarker> SameMode<M> for M {}

/// One request, one reply.
#[derive(Clone, Copy, Debug)]
pub enum IsCall {}

/// No reply.
#[derive(Clone, Copy, Debug)]
pub enum IsOneWay {}

/// One request, many replies.
#[derive(Clone, Copy, Debug)]
pub enum IsStream {}

impl ModeMarker for IsCall {
    const MODE: Mode = Mode::Call;
}

impl ModeMarker for IsOneWay {
    const MODE: Mode = Mode::OneWay;
}

impl ModeMarker for IsStream {
    const MODE: Mode = Mode::Stream;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::IsCall {}
    impl Sealed for super::IsOneWay {}
    impl Sealed for super::IsStream {}
}
