//! FastStream: names of its own, text only, no reply partition.

use bytes::Bytes;

use super::super::{Headers, names};
use super::Spelling;

pub(super) const SPELLING: Spelling = Spelling {
    correlation_id: names::FASTSTREAM_CORRELATION_ID,
    topic: names::FASTSTREAM_REPLY_TO,
    partition: None,
};

/// Every reply has a content type, if an empty one, and nothing but text.
pub(super) fn finish_reply(headers: &mut Headers) {
    if !headers.contains(names::CONTENT_TYPE) {
        headers.push_static(names::CONTENT_TYPE, Bytes::new());
    }
    make_text(headers);
}

/// One header that is not UTF-8, even one it never looks at, makes FastStream
/// drop the record. Bytes that are none are read as Latin-1, the way Python's web
/// frameworks hand HTTP headers to an application; null becomes empty.
pub(super) fn make_text(headers: &mut Headers) {
    for header in headers.iter_mut() {
        let value = header.value.get_or_insert_default();
        if std::str::from_utf8(value).is_err() {
            let text: String = value.iter().copied().map(char::from).collect();
            header.value = Some(text.into());
        }
    }
}
