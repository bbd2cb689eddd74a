//! What can be wrong with a request's headers.

/// Why a request's headers cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A header that may stand once stands twice.
    #[error("header {name} is repeated: send it once")]
    Repeated {
        /// The header.
        name: &'static str,
    },
    /// A header's value is not of its form.
    #[error("header {name} is not {expected}")]
    Invalid {
        /// The header.
        name: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
    /// A header the record cannot do without is absent.
    #[error("header {name} is missing")]
    Missing {
        /// The header.
        name: &'static str,
    },
    /// The transport could not decode the record's headers at all.
    #[error("a header name is not UTF-8")]
    Undecodable,
}

/// The first fault found while reading goes on: what can be read still is.
#[derive(Default)]
pub(super) struct Faults(Option<Malformed>);

impl Faults {
    pub(super) fn note(&mut self, fault: Malformed) {
        self.0.get_or_insert(fault);
    }

    /// The value, or its fault noted.
    pub(super) fn keep<T>(&mut self, value: Result<T, Malformed>) -> Option<T> {
        value.map_err(|fault| self.note(fault)).ok()
    }

    pub(super) fn first(self) -> Option<Malformed> {
        self.0
    }
}
