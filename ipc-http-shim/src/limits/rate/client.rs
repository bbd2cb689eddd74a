//! Whom requests are counted for.

use crate::auth::{Fingerprint, Principal};
use crate::limits::subnet::Subnet;

/// Whom a request is counted for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Client {
    Address(Subnet),
    Principal(Fingerprint),
}

/// Who a request is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'r> {
    pub(crate) address: Subnet,
    /// Where it has proved who it is.
    pub(crate) principal: Option<&'r Principal>,
}
