//! From a reply's headers to its head.

use bytestring::ByteString;

use super::super::{CallerId, CorrelationId, Headers, decimal, names};

/// The part of a reply that the framework itself reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyHead {
    /// The request this answers.
    pub correlation_id: CorrelationId,
    /// The life of the caller it is meant for, where the replier echoed it.
    pub caller: Option<CallerId>,
    /// HTTP status; a reply without one, as a plain Spring listener sends, is 200.
    pub status: u16,
    /// Position in a reply stream.
    pub seq: Option<u32>,
    /// Position in a chunked body.
    pub chunk: Option<u32>,
    /// Whether nothing follows: a whole reply, or the last record of several.
    pub end: bool,
}

impl ReplyHead {
    /// Reads the headers of a reply. `None` where it answers nobody: it names no
    /// request, or something in it cannot be read.
    #[must_use]
    pub fn parse(headers: &Headers) -> Option<Self> {
        let mut correlation_id = None;
        let mut caller = None;
        let mut status = 200;
        let (mut seq, mut chunk, mut end) = (None, None, false);
        for header in headers {
            let Some(value) = &header.value else { continue };
            match &*header.name {
                names::CORRELATION_ID => correlation_id = Some(CorrelationId::from(value.clone())),
                names::CALLER => {
                    caller = Some(CallerId::from(ByteString::try_from(value.clone()).ok()?));
                }
                names::STATUS => {
                    status = decimal::read(value).filter(|status| (100..1000).contains(status))?;
                }
                names::SEQ => seq = Some(decimal::read(value)?),
                names::CHUNK => chunk = Some(decimal::read(value)?),
                names::END => end = value.as_ref() == b"1",
                _ => {}
            }
        }
        Some(Self {
            correlation_id: correlation_id?,
            caller,
            status,
            seq,
            chunk,
            end: end || (seq.is_none() && chunk.is_none()),
        })
    }
}
