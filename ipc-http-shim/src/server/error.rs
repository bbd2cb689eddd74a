//! Why the gateway cannot start.

use std::io;
use std::net::SocketAddr;

use ipc_core::service::AdminError;
use ipc_core::transport::TransportError;

use crate::config::RouteFault;

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address for HTTP clients cannot be had.
    #[error("listen address {address} cannot be bound: free it, or choose another")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The admin listener cannot be started.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The access log cannot be written to.
    #[error("the access log cannot be opened: mend output in [access_log]")]
    AccessLog(#[source] io::Error),
    /// Routes that cannot be served, each with its mend.
    #[error("{}", list(.0))]
    Routes(Vec<RouteFault>),
    /// It cannot take part in deciding where routes stand.
    #[error(transparent)]
    Migration(#[from] TransportError),
}

impl StartError {
    pub(super) fn bind(address: SocketAddr, source: io::Error) -> Self {
        Self::Bind { address, source }
    }
}

impl From<Vec<RouteFault>> for StartError {
    fn from(faults: Vec<RouteFault>) -> Self {
        Self::Routes(faults)
    }
}

fn list(faults: &[RouteFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
