//! Why the gateway cannot start.

use std::io;
use std::net::SocketAddr;

use crate::routes::RouteFault;

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be had.
    #[error("{setting} address {address} cannot be bound: free it, or choose another")]
    Bind {
        /// The setting that names it.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Routes that cannot be served, each with its mend.
    #[error("{}", list(.0))]
    Routes(Vec<RouteFault>),
}

impl StartError {
    pub(super) fn bind(setting: &'static str, address: SocketAddr, source: io::Error) -> Self {
        Self::Bind {
            setting,
            address,
            source,
        }
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
