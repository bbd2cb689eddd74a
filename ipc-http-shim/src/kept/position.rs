//! Where a client stands in a stream: the id of the last event that it has.

use std::fmt;

/// `<stream>.<position>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position<'a> {
    /// The correlation id of the request that the stream answers.
    pub(super) stream: &'a str,
    /// The position of the record.
    pub(super) seq: u32,
}

impl<'a> Position<'a> {
    pub(crate) fn new(stream: &'a str, seq: u32) -> Self {
        Self { stream, seq }
    }

    /// What the stream is called.
    pub(crate) fn stream(&self) -> &'a str {
        self.stream
    }

    /// Reads what a client tells. A service that writes events itself has ids of its own,
    /// of which some may look like this: no stream is found by them.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (stream, seq) = text.rsplit_once('.')?;
        let plain = seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| plain)?;
        Some(Self { stream, seq })
    }
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.stream, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        for stream in ["0199c82c-c000-7a1b-8c2d-3e4f50617283", "a.b", ""] {
            let position = Position::new(stream, 7);
            assert_eq!(Position::parse(&position.to_string()), Some(position));
        }
    }

    #[test]
    fn what_is_no_position_is_none() {
        for text in ["", "7", "a.", "a.+7", "a.-1", "a.7 ", "a.4294967296"] {
            assert_eq!(Position::parse(text), None, "{text:?}");
        }
    }
}
