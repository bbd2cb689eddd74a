//! The typed reading and writing of a request record's headers.

mod accepts;
mod address;
mod read;
mod write;

use bytestring::ByteString;

pub use accepts::Accepts;
pub use address::{ReplyAddress, ReplyPartition};
pub use read::Malformed;

use super::{CallerId, CorrelationId, Deadline, Headers};

/// The part of a request that the framework itself reads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestHead {
    /// Echoed on every reply.
    pub correlation_id: Option<CorrelationId>,
    /// Where the caller waits; `None` makes the record a one-way.
    pub reply_to: Option<ReplyAddress>,
    /// The HTTP method, where the record is HTTP-shaped.
    pub method: Option<ByteString>,
    /// The HTTP path with its query, where the record is HTTP-shaped.
    pub path: Option<ByteString>,
    /// When the caller stops waiting.
    pub deadline: Option<Deadline>,
    /// Who is calling.
    pub caller: Option<CallerId>,
    /// Delivery attempt, 1 on the first; 0 is written as 1.
    pub attempt: u32,
    /// What the caller can read.
    pub accepts: Accepts,
    /// The caller's operation id.
    pub idempotency_key: Option<ByteString>,
    /// Position of this record in a chunked body.
    pub chunk: Option<u32>,
    /// Whether this is the last record of a chunked body.
    pub end: bool,
}

impl RequestHead {
    /// Reads the headers of a request.
    ///
    /// # Errors
    ///
    /// [`Malformed`] names the first header that cannot be read. The head that
    /// comes with it still holds what could be: a caller that can be reached is
    /// told.
    pub fn parse(headers: &Headers) -> Result<Self, (Malformed, Box<Self>)> {
        read::request(headers)
    }

    /// Appends the headers of this request to the application's own.
    pub fn write(&self, headers: &mut Headers) {
        write::request(self, headers);
    }

    /// Whether somebody waits for an answer.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.reply_to.is_some()
    }
}
