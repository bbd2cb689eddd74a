//! The one word that says what becomes of a call.

/// What a breaker does with calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Every call passes.
    Closed,
    /// A share of the calls is refused: what fails is nearly enough to open.
    Shedding,
    /// No call passes.
    Open,
    /// A few calls pass, to see whether it goes better.
    HalfOpen,
    /// It goes better: 5, 25, then 60 of a hundred calls pass.
    Ramping,
}

/// The state, and the epoch it belongs to. An epoch ends with every change of the state,
/// but for those between [`State::Closed`] and [`State::Shedding`], which are about the
/// same evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub(super) epoch: u64,
    /// While shedding: so many of 256 calls are refused.
    pub(super) level: u8,
    pub(super) state: State,
}

const STATE_BITS: u32 = 3;
const LEVEL_BITS: u32 = 8;
const EPOCH_SHIFT: u32 = STATE_BITS + LEVEL_BITS;

impl Word {
    /// The first word of a breaker.
    pub(super) const FIRST: Self = Self {
        epoch: 1,
        level: 0,
        state: State::Closed,
    };

    pub(super) fn pack(self) -> u64 {
        let state = match self.state {
            State::Closed => 0,
            State::Shedding => 1,
            State::Open => 2,
            State::HalfOpen => 3,
            State::Ramping => 4,
        };
        self.epoch << EPOCH_SHIFT | u64::from(self.level) << STATE_BITS | state
    }

    pub(super) fn unpack(packed: u64) -> Self {
        let state = match packed & ((1 << STATE_BITS) - 1) {
            0 => State::Closed,
            1 => State::Shedding,
            2 => State::Open,
            3 => State::HalfOpen,
            _ => State::Ramping,
        };
        Self {
            epoch: packed >> EPOCH_SHIFT,
            level: (packed >> STATE_BITS) as u8,
            state,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATES: [State; 5] = [
        State::Closed,
        State::Shedding,
        State::Open,
        State::HalfOpen,
        State::Ramping,
    ];

    proptest! {
        #[test]
        fn a_word_is_unpacked_as_it_was_packed(
            epoch in 0..1_u64 << 53,
            level: u8,
            state in proptest::sample::select(&STATES[..]),
        ) {
            let word = Word { epoch, level, state };

            prop_assert_eq!(Word::unpack(word.pack()), word);
        }
    }
}
