//! SmallRye Reactive Messaging: names of its own, no end mark, no error mark.

use super::super::{Headers, names};
use super::Spelling;

pub(super) const SPELLING: Spelling = Spelling {
    correlation_id: names::SMALLRYE_CORRELATION_ID,
    topic: names::SMALLRYE_REPLY_TOPIC,
    partition: Some(names::SMALLRYE_REPLY_PARTITION),
};

/// A handler may have copied the request's headers: a reply that names a reply
/// topic is taken for a request by SmallRye's client.
pub(super) fn finish_reply(headers: &mut Headers) {
    headers.remove(names::SMALLRYE_REPLY_TOPIC);
    headers.remove(names::SMALLRYE_REPLY_PARTITION);
}
