//! Whether a broker serves, learnt by asking it for its cluster's metadata: an open port alone may be a proxy's.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use anyhow::{Result, bail};

use crate::poll;

/// How long a broker may take until it serves: seconds, on a machine with nothing else to do.
pub(super) const START_LIMIT: Duration = Duration::from_secs(120);
const EXTERNAL_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A Metadata request, version 4, for no topic.
const REQUEST: [&[u8]; 7] = [
    &15_u32.to_be_bytes(),   // length of what follows
    &3_u16.to_be_bytes(),    // API key: Metadata
    &4_u16.to_be_bytes(),    // API version
    &1_u32.to_be_bytes(),    // correlation id
    &(-1_i16).to_be_bytes(), // client id: none
    &0_u32.to_be_bytes(),    // number of topics
    &[0],                    // allow auto topic creation: no
];

/// The start of the response: length, correlation id, throttle time, number of brokers; four bytes each.
const RESPONSE_START: usize = 16;

/// Whether the broker at `address` answers, and knows of a live broker (itself, where it is the only one).
pub(super) fn serves(address: &str) -> bool {
    serves_among(address, 1)
}

/// Whether the broker at `address` answers, and knows of so many live brokers.
pub(super) fn serves_among(address: &str, brokers: usize) -> bool {
    live_brokers(address).is_ok_and(|live| usize::try_from(live).is_ok_and(|live| live >= brokers))
}

/// Waits until one of the addresses in `bootstrap` (separated by commas) serves.
pub(super) fn await_external(bootstrap: &str) -> Result<()> {
    let served = poll::until(EXTERNAL_LIMIT, || {
        Ok(bootstrap
            .split(',')
            .any(|address| serves(address.trim()))
            .then_some(()))
    })?;
    if served.is_none() {
        bail!(
            "no kafka answers at {bootstrap} within {} s: correct KAFKA_BOOTSTRAP_SERVERS, or unset it to have a broker started",
            EXTERNAL_LIMIT.as_secs()
        );
    }
    Ok(())
}

fn live_brokers(address: &str) -> io::Result<u32> {
    let address = address
        .to_socket_addrs()?
        .next()
        .ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(&REQUEST.concat())?;
    let mut response = [0; RESPONSE_START];
    stream.read_exact(&mut response)?;
    let [.., a, b, c, d] = response;
    Ok(u32::from_be_bytes([a, b, c, d]))
}
