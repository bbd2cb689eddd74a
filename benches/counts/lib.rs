//! What is counted: whole services on the memory transport, warmed up, on a
//! current-thread runtime whose clock stands still, so that nothing runs but the
//! work itself.

mod bare;
mod call;
mod json;
mod marked;
mod one_way;
mod stream;

use std::sync::Arc;

use bytes::Bytes;
use ipc_core::envelope::{Envelope, Headers};
use ipc_core::transport::{Ack, Outgoing, Transport};
use tokio::runtime::{Builder, Runtime};

pub use self::{
    bare::Bare,
    call::Calls,
    json::{JsonCalls, JsonCodec, RouterOneshot},
    one_way::OneWay,
    stream::Streams,
};

/// Records that are ready when a consumer polls, and calls that are made one
/// after the other: what a count is divided by.
pub const BATCH: usize = 64;

/// Batches before the one that counts, until every table has its size.
const WARM_UP: usize = 32;

const TOPIC: &str = "counted.requests";

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a current-thread runtime needs nothing that could be missing")
}

/// Puts a batch of plain records with three headers into the log.
fn fill(transport: &dyn Transport, key: Option<&'static [u8]>) {
    for _ in 0..BATCH {
        let mut headers = Headers::with_capacity(3);
        headers.push_static(
            "content-type",
            Bytes::from_static(b"application/octet-stream"),
        );
        headers.push_static("tenant", Bytes::from_static(b"north"));
        headers.push_static("source", Bytes::from_static(b"counter-7"));
        let record = Outgoing {
            topic: Arc::from(TOPIC),
            partition: Some(0),
            envelope: Envelope {
                headers,
                key: key.map(Bytes::from_static),
                payload: Some(Bytes::from_static(b"0123456789abcdef")),
            },
        };
        transport.send(&record, Ack::ignored());
    }
}
