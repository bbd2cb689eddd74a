//! From an answer to the headers of its records.

use bytes::Bytes;

use super::super::{CallerId, CorrelationId, Envelope, RequestHead, decimal, names};

/// Which record of an answer this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyPart {
    /// The whole answer.
    Whole,
    /// One record of a reply stream.
    Stream {
        /// Its position, from 0.
        seq: u32,
        /// Whether it is the last.
        end: bool,
    },
    /// One piece of a body cut into chunks.
    Chunk {
        /// Its position, from 0.
        chunk: u32,
        /// Whether it is the last.
        end: bool,
    },
}

impl ReplyPart {
    /// Whether this record has the say on the status: the first tells how the
    /// answer begins, the last how it ended.
    fn carries_status(self) -> bool {
        match self {
            Self::Whole => true,
            Self::Stream { seq: at, end } | Self::Chunk { chunk: at, end } => at == 0 || end,
        }
    }
}

/// Turns answers into the reply records of one request.
#[derive(Clone, Debug)]
pub struct ReplyWriter {
    correlation_id: Option<CorrelationId>,
    caller: Option<CallerId>,
}

impl ReplyWriter {
    /// Remembers what the replies to `request` must echo.
    #[must_use]
    pub fn new(request: &RequestHead) -> Self {
        Self {
            correlation_id: request.correlation_id.clone(),
            caller: request.caller.clone(),
        }
    }

    /// Makes a reply record of `record`, which holds the application's headers
    /// and body.
    pub fn write(&self, status: u16, part: ReplyPart, record: &mut Envelope) {
        let headers = &mut record.headers;
        if let Some(id) = &self.correlation_id {
            headers.push_static(names::CORRELATION_ID, id.as_bytes().clone());
        }
        if let Some(caller) = &self.caller {
            headers.push_static(names::CALLER, caller.as_bytes().clone());
        }
        if part.carries_status() {
            headers.push_static(names::STATUS, status_text(status));
        }
        let end = match part {
            ReplyPart::Whole => false,
            ReplyPart::Stream { seq, end } => {
                headers.push_static(names::SEQ, decimal::write(seq));
                end
            }
            ReplyPart::Chunk { chunk, end } => {
                headers.push_static(names::CHUNK, decimal::write(chunk));
                end
            }
        };
        if end {
            headers.push_static(names::END, Bytes::from_static(b"1"));
        }
    }
}

/// The usual status is not worth an allocation per reply.
fn status_text(status: u16) -> Bytes {
    match status {
        200 => Bytes::from_static(b"200"),
        other => decimal::write(other),
    }
}
