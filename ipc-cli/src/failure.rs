//! How the command ends.

use std::io;
use std::process::ExitCode;

use ipc_core::transport::TransportError;

/// An end that is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything that was asked for is done.
    Well,
    /// What could be done is done; some letters were refused, instances do not obey, or
    /// something is left.
    WithRefusals,
    /// A signal came before the last letter.
    Early,
}

impl Ended {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Well => 0,
            Self::WithRefusals => 3,
            Self::Early => 4,
        })
    }
}

/// Why the command could not be obeyed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something that is needed does not work; trying again may help.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message, code: 1 }
    }

    /// What was asked for cannot be done as it was asked.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message, code: 2 }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        if error.is_configuration() || error.is_missing_topic() {
            Self::wrong(error.to_string())
        } else {
            Self::broken(error.to_string())
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::broken(format!("the output cannot be written: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}
