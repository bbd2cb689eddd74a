//! The typed reading of a reply record's headers.

use super::{CallerId, CorrelationId, Headers, names};

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
    /// Whether nothing follows.
    pub end: bool,
}

impl ReplyHead {
    /// Reads the headers of a reply. `None` where it answers nobody: it names no
    /// request, or a number in it cannot be read.
    #[must_use]
    pub fn parse(headers: &Headers) -> Option<Self> {
        let mut head = Self {
            correlation_id: CorrelationId::from(bytes::Bytes::new()),
            caller: None,
            status: 200,
            seq: None,
            chunk: None,
            end: false,
        };
        let mut answers = false;
        for header in headers {
            let Some(value) = &header.value else { continue };
            match &*header.name {
                names::CORRELATION_ID => {
                    head.correlation_id = CorrelationId::from(value.clone());
                    answers = true;
                }
                names::CALLER => {
                    let text = bytestring::ByteString::try_from(value.clone()).ok()?;
                    head.caller = Some(CallerId::from(text));
                }
                names::STATUS => {
                    head.status = decimal(value)
                        .and_then(|status| u16::try_from(status).ok())
                        .filter(|status| (100..1000).contains(status))?;
                }
                names::SEQ => head.seq = Some(decimal(value)?),
                names::CHUNK => head.chunk = Some(decimal(value)?),
                names::END => head.end = value.as_ref() == b"1",
                _ => {}
            }
        }
        answers.then_some(head)
    }
}

fn decimal(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
