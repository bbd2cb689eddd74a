//! Whom requests are counted for.

use std::fmt;

use crate::auth::{Fingerprint, Principal};
use crate::limits::subnet::Subnet;

/// Whom a request is counted for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Client {
    Everybody,
    Address(Subnet),
    Principal(Fingerprint),
}

/// As replicas that count together call it.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => Ok(()),
            Self::Address(subnet) => subnet.fmt(f),
            Self::Principal(fingerprint) => fingerprint
                .iter()
                .try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// Who a request is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'r> {
    pub(crate) address: Subnet,
    /// Where it has proved who it is.
    pub(crate) principal: Option<&'r Principal>,
}
