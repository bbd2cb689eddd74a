//! Which broker is the active controller: clients are told of any broker in its place.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
};

use anyhow::{Context as _, Result, ensure};

use crate::log::ANSWER;

const TOPIC: &[u8] = b"__cluster_metadata";

/// The id of the node that leads the metadata, as the broker at `address` knows it.
pub(crate) fn leader(address: &str) -> Result<i32> {
    let address = address.to_socket_addrs()?.next();
    let address = address.context("an address of no host")?;
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(&request())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut response = vec![0; usize::try_from(u32::from_be_bytes(length))?];
    stream.read_exact(&mut response)?;
    leader_in(&response)
}

/// A DescribeQuorum request, version 0, for the only partition of the metadata. Lengths of strings and arrays are
/// one more than what follows.
fn request() -> Vec<u8> {
    let body: [&[u8]; 10] = [
        &55_u16.to_be_bytes(),   // API key: DescribeQuorum
        &0_u16.to_be_bytes(),    // API version
        &1_u32.to_be_bytes(),    // correlation id
        &(-1_i16).to_be_bytes(), // client id: none
        &[0],                    // tags of the header
        &[2, TOPIC.len() as u8 + 1],
        TOPIC,
        &[2],
        &0_u32.to_be_bytes(), // the partition
        &[0, 0, 0],           // tags of the partition, the topic and the request
    ];
    let body = body.concat();
    let mut request = (body.len() as u32).to_be_bytes().to_vec();
    request.extend(body);
    request
}

fn leader_in(response: &[u8]) -> Result<i32> {
    /// Correlation id, tags, error, count and name of topics, count of partitions, partition.
    const ERROR: usize = 4 + 1 + 2 + 1 + 1 + TOPIC.len() + 1 + 4;
    let number = |at: usize| response.get(at..at + 4)?.try_into().ok();
    let error = response.get(ERROR..ERROR + 2).context("a short answer")?;
    ensure!(error == [0, 0], "the quorum was not told: {error:?}");
    let leader = number(ERROR + 2).context("a short answer")?;
    Ok(i32::from_be_bytes(leader))
}
