//! What keeps a service from starting.

#[cfg(feature = "http-server")]
use super::AdminError;
use super::HookError;
use crate::routing::RouteConflicts;
use crate::transport::TransportError;

/// A service could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It was set up in a way that cannot work; every fault is listed.
    #[error("the service cannot be started: {}", .0.join("; "))]
    Configuration(Vec<String>),
    /// The application's endpoints contradict each other.
    #[error(transparent)]
    Routes(#[from] RouteConflicts),
    /// The transport could not do what it was asked.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A hook refused.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The admin listener could not be started.
    #[cfg(feature = "http-server")]
    #[error(transparent)]
    Admin(#[from] AdminError),
}
