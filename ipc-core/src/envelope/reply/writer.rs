//! From an answer to the headers of its records.

use bytes::Bytes;

use super::super::{
    CallerId, CorrelationId, Dialect, Envelope, Header, RequestHead, decimal, names,
};

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
    pub(in super::super) fn carries_status(self) -> bool {
        match self {
            Self::Whole => true,
            Self::Stream { seq: at, end } | Self::Chunk { chunk: at, end } => at == 0 || end,
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_last(self) -> bool {
        match self {
            Self::Whole => true,
            Self::Stream { end, .. } | Self::Chunk { end, .. } => end,
        }
    }
}

/// Turns answers into the reply records of one request.
#[derive(Clone, Debug)]
pub struct ReplyWriter {
    dialect: Dialect,
    correlation_id: Option<CorrelationId>,
    caller: Option<CallerId>,
}

impl ReplyWriter {
    /// How many headers a record gets at most: correlation id, caller, status,
    /// position and end.
    pub const MOST_HEADERS: usize = 5;

    /// Remembers what the replies to `request` must echo.
    #[must_use]
    pub fn new(request: &RequestHead) -> Self {
        Self {
            dialect: request.dialect,
            correlation_id: request.correlation_id.clone(),
            caller: request.caller.clone(),
        }
    }

    /// Makes a reply record of `record`, which holds the application's headers
    /// and body, in the dialect of the request.
    pub fn write(&self, status: u16, part: ReplyPart, record: &mut Envelope) {
        let list = record.headers.list_mut();
        let mut push = |name, value| list.push(Header::of(name, value));
        if let Some(id) = &self.correlation_id {
            push(
                self.dialect.spelling().correlation_id,
                id.as_bytes().clone(),
            );
        }
        if let Some(caller) = &self.caller {
            push(names::CALLER, caller.as_bytes().clone());
        }
        if part.carries_status() {
            push(names::STATUS, status_text(status));
        }
        match part {
            ReplyPart::Whole => {}
            ReplyPart::Stream { seq, .. } => push(names::SEQ, decimal::write(seq)),
            ReplyPart::Chunk { chunk, .. } => push(names::CHUNK, decimal::write(chunk)),
        }
        if part != ReplyPart::Whole && part.is_last() {
            push(names::END, Bytes::from_static(b"1"));
        }
        self.dialect.finish_reply(status, part, record);
    }
}

/// The usual status is not worth an allocation per reply.
fn status_text(status: u16) -> Bytes {
    match status {
        200 => Bytes::from_static(b"200"),
        other => decimal::write(other),
    }
}
