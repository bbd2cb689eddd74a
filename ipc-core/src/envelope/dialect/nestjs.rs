//! NestJS: Spring's names with text values, an end mark, and errors in a header.

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::super::{Envelope, ReplyPart, names};

/// The value of the end mark.
const DISPOSED: &[u8] = b"\0";

/// Marks the last reply, and moves the body of an error to its header. A reply
/// without a body has a null one, as NestJS itself writes it.
pub(super) fn finish_reply(status: u16, part: ReplyPart, record: &mut Envelope) {
    let body = record.payload.take().filter(|body| !body.is_empty());
    if status >= 400 && part.carries_status() {
        let error = as_json(body, status);
        record.headers.push_static(names::NEST_ERR, error);
    } else {
        record.payload = body;
    }
    if part.is_last() {
        let mark = Bytes::from_static(DISPOSED);
        record.headers.push_static(names::NEST_IS_DISPOSED, mark);
    }
}

/// The client parses what it finds in the header: a body that is not JSON goes
/// into the object that NestJS makes of a plain message.
fn as_json(body: Option<Bytes>, status: u16) -> Bytes {
    let message = match &body {
        Some(body) if serde_json::from_slice::<IgnoredAny>(body).is_ok() => return body.clone(),
        Some(body) => String::from_utf8_lossy(body).into_owned(),
        None => format!("status {status}"),
    };
    serde_json::json!({ "status": "error", "message": message })
        .to_string()
        .into()
}

/// Undoes [`finish_reply`]'s moving of an error.
pub(super) fn move_error_to_payload(record: &mut Envelope) {
    let Some(error) = record.headers.get(names::NEST_ERR).cloned() else {
        return;
    };
    record.headers.remove(names::NEST_ERR);
    if !record.headers.contains(names::CONTENT_TYPE) {
        let json = Bytes::from_static(b"application/json");
        record.headers.push_static(names::CONTENT_TYPE, json);
    }
    record.payload = Some(error);
}
