//! How a WebSocket ends.

use ipc_core::envelope::Problem;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::upstream::Failure;

/// The longest reason that a close frame has room for (RFC 6455, 5.5).
const LONGEST_REASON: usize = 123;

/// How a WebSocket ends.
#[derive(Debug)]
pub(super) enum End {
    /// The service has ended its replies.
    Complete,
    /// These broke off.
    BrokenOff(Problem),
    /// The gateway is about to stop.
    Draining,
    /// It has lasted as long as it may.
    Lifetime,
    /// The client has sent a message, and none is taken.
    Unwanted,
    /// A message of the client's did not get to the log, or may not have.
    Unsent(Failure),
    /// A message of the client's is larger than may be.
    TooBig,
    /// A text of the client's is none.
    NotText,
    /// The client does not speak the protocol.
    Malformed,
    /// The client does not answer, or takes nothing any more.
    Silent,
    /// The client has left.
    Left,
}

impl End {
    /// How it ends where what the client sends cannot be read.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooBig,
            Error::Utf8(_) => Self::NotText,
            // It is gone without a word.
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Left,
            Error::Protocol(_) => Self::Malformed,
            _ => Self::Left,
        }
    }

    /// As a label.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::BrokenOff(_) => "broken_off",
            Self::Draining => "draining",
            Self::Lifetime => "lifetime",
            Self::Unwanted => "unwanted",
            Self::Unsent(_) => "unsent",
            Self::TooBig => "too_big",
            Self::NotText => "not_text",
            Self::Malformed => "malformed",
            Self::Silent => "silent",
            Self::Left => "left",
        }
    }

    /// What the client is told, where it is still there.
    pub(super) fn told(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Complete => (CloseCode::Normal, String::new()),
            Self::BrokenOff(problem) => (CloseCode::Error, problem.title.to_string()),
            Self::Draining => (CloseCode::Away, "the gateway is about to stop".to_owned()),
            Self::Lifetime => {
                let reason = "it has lasted as long as it may: connect again";
                (CloseCode::Away, reason.to_owned())
            }
            Self::Unwanted => (CloseCode::Policy, "no messages are taken here".to_owned()),
            Self::Unsent(failure) => {
                let code = match &failure {
                    Failure::Rejected { .. } | Failure::Absent { .. } => CloseCode::Again,
                    _ => CloseCode::Error,
                };
                (code, failure.into_problem().0.title.to_string())
            }
            Self::TooBig => (CloseCode::Size, "the message is too large".to_owned()),
            Self::NotText => (CloseCode::Invalid, "the text is not UTF-8".to_owned()),
            Self::Malformed => (CloseCode::Protocol, String::new()),
            Self::Silent | Self::Left => return None,
        };
        let mut reason = reason;
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_is_longer_than_a_close_frame_is_cut_between_characters() {
        let mut problem = Problem::new("x", "x", 500);
        problem.title = "é".repeat(100).into();

        let told = End::BrokenOff(problem).told().expect("something is told");

        assert_eq!(told.reason.as_str(), "é".repeat(61));
    }
}
