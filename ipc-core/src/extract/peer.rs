//! The address of the HTTP client behind a gateway.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;

use crate::envelope::{Headers, names};

/// What axum's [`ConnectInfo`] extractor looks for, where a gateway said who
/// its client is.
pub(crate) fn peer(headers: &Headers) -> Option<ConnectInfo<SocketAddr>> {
    let peer = headers.get_str(names::PEER)?.parse().ok()?;
    Some(ConnectInfo(peer))
}
