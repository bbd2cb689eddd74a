//! From a reply to what is stored of it, and back.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use crate::dispatch::{BodyStream, RECORD, Reply, ReplyBody};
use crate::envelope::limits::CHUNK;
use crate::envelope::{Headers, Problem, RequestHead, names};
use crate::store::{Effects, StoredBody, StoredReply};

/// What is to be stored of `reply`, whose body is read as far as that takes and
/// put back; `None` where the same request may end otherwise the next time.
pub(super) async fn stored(reply: &mut Reply, most: usize) -> Option<(StoredReply, Effects)> {
    if reply.cause.is_some() {
        return None;
    }
    let effects = match reply.status {
        408 | 425 | 429 | 500.. => return None,
        400.. => Effects::Undo,
        _ => Effects::Keep,
    };
    let body = match &mut reply.body {
        ReplyBody::Full(bytes) if bytes.len() <= most => StoredBody::Whole(bytes.clone()),
        ReplyBody::Full(bytes) => StoredBody::TooLarge {
            length: Some(bytes.len() as u64),
        },
        ReplyBody::Chunked(pieces) => {
            let unread: BodyStream = Box::pin(stream::empty());
            let (body, again) = read(std::mem::replace(pieces, unread), most).await;
            *pieces = again;
            body?
        }
        // A service does not start with such an endpoint.
        ReplyBody::Stream(_) => return None,
    };
    let mut stored = StoredReply::new(reply.status, Vec::new(), Bytes::new());
    stored.body = body;
    let headers = reply.headers.iter();
    stored.headers = headers
        .filter_map(|header| Some((header.name.clone(), header.value.clone()?)))
        .collect();
    Some((stored, effects))
}

/// Reads up to `most` bytes, and gives the whole back to be read again. Nothing
/// is to be stored of a body that breaks off.
async fn read(mut pieces: BodyStream, most: usize) -> (Option<StoredBody>, BodyStream) {
    let mut head = Vec::new();
    let mut whole = BytesMut::new();
    let mut body = Some(StoredBody::TooLarge { length: None });
    while whole.len() <= most {
        match pieces.next().await {
            Some(Ok(piece)) => {
                whole.extend_from_slice(&piece);
                head.push(Ok(piece));
            }
            Some(Err(broken)) => {
                head.push(Err(broken));
                body = None;
                break;
            }
            None => {
                body = Some(StoredBody::Whole(whole.freeze()));
                // At its end it holds nothing any more of what it was made from.
                pieces = Box::pin(stream::empty());
                break;
            }
        }
    }
    (body, Box::pin(stream::iter(head).chain(pieces)))
}

/// The answer to a repetition.
pub(super) fn replay(stored: StoredReply, head: &RequestHead) -> Reply {
    let StoredReply {
        status,
        headers: names_and_values,
        body,
    } = stored;
    let mut headers = Headers::with_capacity(names_and_values.len() + 1);
    for (name, value) in names_and_values {
        headers.push(name, value);
    }
    let mut reply = match body {
        StoredBody::Whole(body) => {
            let mut reply = Reply::full(status, headers, Bytes::new());
            reply.body = if head.accepts.chunks && body.len() > CHUNK.min(RECORD) {
                ReplyBody::Chunked(Box::pin(stream::iter([Ok(body)])))
            } else {
                ReplyBody::Full(body)
            };
            reply
        }
        StoredBody::TooLarge { length } => Reply::from(not_kept(status, length)),
    };
    reply.headers.push_static(names::REPLAYED, "1");
    reply
}

/// The work is done, and its reply is not there to be shown.
fn not_kept(status: u16, length: Option<u64>) -> Problem {
    let size = match length {
        Some(length) => format!("{length} bytes"),
        None => "more than is kept".to_owned(),
    };
    Problem::new(
        "reply-not-kept",
        "The work is done, its reply was not kept",
        409,
    )
    .with_detail(format!(
        "it was answered with status {status} and a body of {size}, too large to be stored"
    ))
}
