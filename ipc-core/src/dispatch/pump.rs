//! Sending the records of an open answer.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::open_replies::{OpenReply, Stop};
use super::outcome::document;
use super::replier::{Address, Replier, reply_too_large};
use super::{BodyError, BodyStream};
use crate::envelope::limits::CHUNK;
use crate::envelope::{Headers, Problem};
use crate::metrics::StreamEnd;
use crate::transport::{Outgoing, Receipt, SendError};

/// Most bytes of a body in one record: leaves room for headers under the broker's
/// default limit of 1 MiB.
pub(crate) const RECORD: usize = 900 * 1024;
/// Records of one answer that may wait for their acknowledgement.
const UNACKNOWLEDGED: usize = 256;

impl OpenReply {
    /// Sends a body as chunks, all on the partition of the first. Returns when
    /// every one is acknowledged.
    pub(super) async fn send_chunks(
        mut self,
        replier: &Replier,
        address: Address,
        status: u16,
        headers: Headers,
        mut body: BodyStream,
    ) -> Result<(), SendError> {
        let mut pieces = Pieces::default();
        let mut first = Some(headers);
        let mut address = address;
        let mut number = 0;
        loop {
            let piece = match pieces.next(&mut body).await {
                Ok(piece) => piece,
                Err(broken) => {
                    let status = broken.0.status;
                    let (headers, body) = document(&broken.0);
                    let record = address.chunk_record(status, number, true, headers, body);
                    return replier.settle(&record).await.map(drop);
                }
            };
            if let Err(stop) = self.room_for(piece.bytes.len()).await {
                return self.end_chunks(replier, &address, number, stop).await;
            }
            let headers = first.take().unwrap_or_default();
            let record = address.chunk_record(status, number, piece.last, headers, piece.bytes);
            let placed = replier.settle(&record).await?;
            if piece.last {
                return Ok(());
            }
            if number == 0 {
                address = address.at(placed.partition);
            }
            number += 1;
        }
    }

    async fn end_chunks(
        &self,
        replier: &Replier,
        address: &Address,
        number: u32,
        stop: Stop,
    ) -> Result<(), SendError> {
        if stop == Stop::Cancelled {
            return Ok(());
        }
        let (headers, body) = document(&moved(None));
        let record = address.chunk_record(503, number, true, headers, body);
        replier.settle(&record).await.map(drop)
    }

    /// Sends each piece of `body` as one record, and the end.
    pub(super) async fn send_records(
        mut self,
        replier: &Replier,
        address: Address,
        mut body: BodyStream,
    ) {
        let mut records = Records {
            replier,
            address,
            unacknowledged: VecDeque::new(),
            seq: 0,
        };
        let how = records.run(&mut self, &mut body).await;
        self.ended(how);
    }
}

/// The records of one reply stream after its first.
struct Records<'a> {
    replier: &'a Replier,
    address: Address,
    unacknowledged: VecDeque<(Outgoing, Receipt)>,
    seq: u32,
}

impl Records<'_> {
    async fn run(&mut self, flow: &mut OpenReply, body: &mut BodyStream) -> StreamEnd {
        let end = loop {
            if let Some(stop) = flow.stop() {
                break Err(stop);
            }
            // A piece that is there needs nobody to wait for anything else.
            let next = tokio::select! {
                biased;
                next = body.next() => next,
                stop = flow.stopped() => break Err(stop),
            };
            let bytes = match next {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) if bytes.len() > RECORD => break Ok(Some(too_large())),
                Some(Ok(bytes)) => bytes,
                Some(Err(broken)) => break Ok(Some(broken)),
                None => break Ok(None),
            };
            if let Err(stop) = flow.room_for(bytes.len()).await {
                break Err(stop);
            }
            match self.push(200, false, Headers::new(), bytes).await {
                Ok(()) => {}
                Err(SendError::TooLarge { .. }) => return self.end_in_place().await,
                Err(_) => return StreamEnd::CallerGone,
            }
        };
        let (how, status, (headers, body)) = match end {
            Ok(None) => (StreamEnd::Completed, 200, (Headers::new(), Bytes::new())),
            Ok(Some(broken)) => (StreamEnd::Failed, broken.0.status, document(&broken.0)),
            Err(Stop::Moving) => (StreamEnd::Moved, 503, document(&moved(Some(self.seq)))),
            Err(Stop::Cancelled) => return StreamEnd::Cancelled,
        };
        let pushed = self.push(status, true, headers, body).await;
        let settled = match pushed {
            Ok(()) => self.settle_oldest(0).await,
            refused => refused,
        };
        match settled {
            Ok(()) => how,
            Err(SendError::TooLarge { .. }) => self.end_in_place().await,
            Err(_) => StreamEnd::CallerGone,
        }
    }

    /// Ends the stream where the oldest unsettled record was refused because it is
    /// larger than its topic takes. Those sent after it are beyond the end.
    async fn end_in_place(&mut self) -> StreamEnd {
        let after = u32::try_from(self.unacknowledged.len()).unwrap_or_default();
        let seq = self.seq.wrapping_sub(after);
        let (headers, body) = document(&reply_too_large());
        let end = self.address.stream_record(502, seq, true, headers, body);
        match self.replier.settle(&end).await {
            Ok(_) => StreamEnd::Failed,
            Err(_) => StreamEnd::CallerGone,
        }
    }

    async fn push(
        &mut self,
        status: u16,
        end: bool,
        headers: Headers,
        body: Bytes,
    ) -> Result<(), SendError> {
        self.seq = self.seq.wrapping_add(1);
        let record = self
            .address
            .stream_record(status, self.seq, end, headers, body);
        let receipt = self.replier.send(&record);
        self.unacknowledged.push_back((record, receipt));
        self.settle_oldest(UNACKNOWLEDGED).await
    }

    /// Waits for acknowledgements until at most `most` are missing.
    async fn settle_oldest(&mut self, most: usize) -> Result<(), SendError> {
        while self.unacknowledged.len() > most {
            let Some((record, receipt)) = self.unacknowledged.pop_front() else {
                break;
            };
            match receipt.await {
                Ok(_) => {}
                // Sent again it may arrive twice or late; the caller orders by
                // sequence number.
                Err(error) if error.is_passing() => {
                    self.replier.settle(&record).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A reply of a stream is one record, so it cannot be cut.
fn too_large() -> BodyError {
    BodyError(reply_too_large().with_detail(format!(
        "it has more than {RECORD} bytes: send less at once"
    )))
}

fn moved(last: Option<u32>) -> Problem {
    let problem = Problem::new("moved", "The service instance is going away", 503);
    match last {
        Some(seq) => problem.with_detail(format!("resume after ipc-seq {seq}")),
        None => problem.with_detail("ask again"),
    }
}

/// Gathers a body's frames into pieces of [`CHUNK`] bytes.
#[derive(Default)]
struct Pieces {
    gathered: BytesMut,
    ended: bool,
}

struct Piece {
    bytes: Bytes,
    last: bool,
}

impl Pieces {
    async fn next(&mut self, body: &mut BodyStream) -> Result<Piece, super::BodyError> {
        // One byte more than a chunk tells that this one is not the last.
        while !self.ended && self.gathered.len() <= CHUNK {
            match body.next().await {
                Some(frame) => self.gathered.extend_from_slice(&frame?),
                None => self.ended = true,
            }
        }
        let last = self.ended && self.gathered.len() <= CHUNK;
        let length = self.gathered.len().min(CHUNK);
        Ok(Piece {
            bytes: self.gathered.split_to(length).freeze(),
            last,
        })
    }
}
