//! From a reply to what is stored of it, and back.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use crate::dispatch::{BodyStream, Delivery, Mode, RECORD, Reply, ReplyBody};
use crate::envelope::limits::CHUNK;
use crate::envelope::{Accepts, Headers, Problem, names};
use crate::store::{Effects, StoredBody, StoredReply};

/// What is to be stored of `reply` but for its body; `None` where the same request
/// may end otherwise the next time.
pub(super) fn head(reply: &Reply) -> Option<(StoredReply, Effects)> {
    if reply.cause.is_some() {
        return None;
    }
    let effects = match reply.status {
        408 | 425 | 429 | 500.. => return None,
        400.. => Effects::Undo,
        _ => Effects::Keep,
    };
    let headers = reply.headers.iter();
    let headers = headers.filter_map(|header| Some((header.name.clone(), header.value.clone()?)));
    let head = StoredReply::new(reply.status, headers.collect(), Bytes::new());
    Some((head, effects))
}

/// Adds the body, which is read as far as that takes and put back; `None` where it
/// breaks off.
pub(super) async fn whole(
    (mut stored, effects): (StoredReply, Effects),
    body: &mut ReplyBody,
    most: usize,
) -> Option<(StoredReply, Effects)> {
    stored.body = match body {
        ReplyBody::Full(bytes) if bytes.len() <= most => StoredBody::Whole(bytes.clone()),
        ReplyBody::Full(bytes) => StoredBody::TooLarge {
            length: Some(bytes.len() as u64),
        },
        ReplyBody::Chunked(pieces) | ReplyBody::Stream(pieces) => {
            let unread: BodyStream = Box::pin(stream::empty());
            let (body, again) = read(std::mem::replace(pieces, unread), most).await;
            *pieces = again;
            body?
        }
    };
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

/// The answer to a repetition, as the one who asks can read it.
pub(super) fn replay(stored: StoredReply, delivery: &Delivery) -> Reply {
    let StoredReply {
        status,
        headers: names_and_values,
        body,
    } = stored;
    let mut headers = Headers::with_capacity(names_and_values.len() + 1);
    for (name, value) in names_and_values {
        headers.push(name, value);
    }
    let accepts = delivery.head.accepts;
    let is_stream = accepts.stream && delivery.policy.mode == Mode::Stream && status < 400;
    let body = match body {
        StoredBody::Stream(replies) if accepts.stream => many(replies),
        StoredBody::Stream(replies) => one(replies.concat().into(), accepts),
        StoredBody::Whole(body) if is_stream => many(vec![body]),
        StoredBody::Whole(body) => one(body, accepts),
        StoredBody::TooLarge { length } => {
            let mut reply = Reply::from(not_kept(status, length));
            reply.headers.push_static(names::REPLAYED, "1");
            return reply;
        }
    };
    headers.push_static(names::REPLAYED, "1");
    let mut reply = Reply::full(status, headers, Bytes::new());
    reply.body = body;
    reply
}

fn one(body: Bytes, accepts: Accepts) -> ReplyBody {
    if accepts.chunks && body.len() > CHUNK.min(RECORD) {
        ReplyBody::Chunked(Box::pin(stream::iter([Ok(body)])))
    } else {
        ReplyBody::Full(body)
    }
}

fn many(replies: Vec<Bytes>) -> ReplyBody {
    ReplyBody::Stream(Box::pin(stream::iter(replies.into_iter().map(Ok))))
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
