//! Modes as types, so that a one-way request cannot be called by mistake.

use super::Mode;

/// A [`Mode`] the compiler can tell apart.
pub trait ModeMarker: sealed::Sealed {
    /// The mode.
    const MODE: Mode;
}

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
