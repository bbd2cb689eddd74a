//! Sending a request whose body does not fit a record.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::envelope::limits::{CHUNK, UNREAD};
use crate::envelope::{CorrelationId, Envelope, Headers, RequestHead};
use crate::transport::{Outgoing, SendError, Transport};

/// Requests that are being sent in chunks, and how much of each was taken.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<HashMap<CorrelationId, watch::Sender<u64>>>);

impl Uploads {
    /// The service has taken `bytes` of this request so far.
    pub(super) fn credit(&self, id: &CorrelationId, bytes: u64) {
        if let Some(taken) = self.0.lock().get(id) {
            taken.send_if_modified(|known| {
                let more = bytes > *known;
                *known = bytes.max(*known);
                more
            });
        }
    }

    fn begin(self: &Arc<Self>, id: CorrelationId) -> Upload {
        let (sender, taken) = watch::channel(0);
        self.0.lock().insert(id.clone(), sender);
        Upload {
            uploads: Arc::clone(self),
            id,
            taken,
        }
    }
}

/// One request under way; ends when dropped.
struct Upload {
    uploads: Arc<Uploads>,
    id: CorrelationId,
    taken: watch::Receiver<u64>,
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.uploads.0.lock().remove(&self.id);
    }
}

/// Sends `record` with its body cut into chunks, all on the partition of the
/// first. Returns when the log has every one. A call's chunks wait for the
/// service's credit where `is_told` of it; else, and a one-way's, only for the log,
/// because nobody can tell its sender.
pub(super) async fn send(
    transport: &dyn Transport,
    uploads: &Arc<Uploads>,
    mut head: RequestHead,
    record: Outgoing,
    is_told: bool,
) -> Result<(), SendError> {
    let Outgoing {
        topic,
        mut partition,
        envelope,
    } = record;
    let id = head
        .correlation_id
        .get_or_insert_with(CorrelationId::random);
    let mut upload = uploads.begin(id.clone());
    let mut body = envelope.payload.unwrap_or_default();
    let mut headers = Some(envelope.headers);
    let mut sent = 0;
    for number in 0.. {
        let piece = body.split_to(body.len().min(CHUNK));
        let after = sent + piece.len() as u64;
        if is_told && head.is_call() {
            // Its sender is gone only with the client itself.
            let _ = upload
                .taken
                .wait_for(|taken| after.saturating_sub(*taken) <= UNREAD)
                .await;
        }
        head.chunk = Some(number);
        head.end = body.is_empty();
        let chunk = Outgoing {
            topic: Arc::clone(&topic),
            partition,
            envelope: chunk(&head, headers.take(), envelope.key.clone(), piece),
        };
        let receipt = transport.append(&chunk);
        partition = Some(receipt.await?.partition);
        sent = after;
        if head.end {
            break;
        }
    }
    Ok(())
}

/// The application's headers stand on the first chunk.
fn chunk(
    head: &RequestHead,
    headers: Option<Headers>,
    key: Option<Bytes>,
    piece: Bytes,
) -> Envelope {
    let mut headers = headers.unwrap_or_default();
    head.write(&mut headers);
    Envelope {
        headers,
        key,
        payload: Some(piece),
    }
}
