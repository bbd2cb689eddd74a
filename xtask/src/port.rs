use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// Below the ranges from which Linux and macOS give ports to outgoing connections: while a server is stopped,
/// no client's connection (not even one to the server's own port, which would then connect to itself) takes it.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
const ATTEMPTS: usize = 100;

/// A TCP port on which nobody on this machine listens at the moment.
pub(crate) fn free() -> Result<u16> {
    std::iter::repeat_with(|| fastrand::u16(RANGE))
        .take(ATTEMPTS)
        .find(|&port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
        .with_context(|| {
            format!(
                "no free port found between {} and {}",
                RANGE.start, RANGE.end
            )
        })
}
