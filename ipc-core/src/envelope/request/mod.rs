//! The typed reading and writing of a request record's headers.

mod accepts;
mod address;
mod malformed;
mod read;
mod waiting;
mod write;

use bytestring::ByteString;

pub use accepts::Accepts;
pub use address::{ReplyAddress, ReplyPartition};
pub use malformed::Malformed;

use super::{CallerId, Chain, CorrelationId, Deadline, Dialect, Headers, TraceContext};

/// The part of a request that the framework itself reads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestHead {
    /// Whose headers these are, or shall be.
    pub dialect: Dialect,
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
    /// The span the request was sent in.
    pub trace: Option<TraceContext>,
    /// The lanes held by the callers above.
    pub chain: Chain,
    /// Whether this is a copy of a request that was answered elsewhere.
    pub shadow: bool,
}

impl RequestHead {
    /// How many headers a call mostly has of its own: room for them beside the
    /// application's saves moving these.
    pub(crate) const HEADERS: usize = 12;

    /// Reads the headers of a request, in whatever dialect they are.
    ///
    /// # Errors
    ///
    /// [`Malformed`] names a header that cannot be read. The head that comes
    /// with it still holds what could be: a caller that can be reached is told.
    pub fn parse(headers: &Headers) -> Result<Self, (Malformed, Box<Self>)> {
        Self::told(headers, None)
    }

    /// Reads the headers of a request in a dialect that is known: nothing is
    /// guessed, and a reply partition has one reading only.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_as(dialect: Dialect, headers: &Headers) -> Result<Self, (Malformed, Box<Self>)> {
        Self::told(headers, Some(dialect))
    }

    /// As [`parse`](Self::parse), for those who go on whatever the fault, into an
    /// empty head.
    pub(crate) fn read(&mut self, headers: &Headers) -> Option<Malformed> {
        read::request(self, headers, None)
    }

    /// Makes it an empty head, which mostly it nearly is.
    pub(crate) fn clear(&mut self) {
        let Self {
            dialect,
            correlation_id,
            reply_to,
            method,
            path,
            deadline,
            caller,
            attempt,
            accepts,
            idempotency_key,
            chunk,
            end,
            trace,
            chain,
            shadow,
        } = self;
        *dialect = Dialect::default();
        *correlation_id = None;
        *reply_to = None;
        *method = None;
        *path = None;
        *deadline = None;
        *caller = None;
        *attempt = 0;
        *accepts = Accepts::default();
        *idempotency_key = None;
        *chunk = None;
        *end = false;
        *shadow = false;
        *trace = None;
        if !chain.is_empty() {
            *chain = Chain::default();
        }
    }

    fn told(headers: &Headers, dialect: Option<Dialect>) -> Result<Self, (Malformed, Box<Self>)> {
        let mut head = Self::default();
        match read::request(&mut head, headers, dialect) {
            None => Ok(head),
            Some(fault) => Err((fault, Box::new(head))),
        }
    }

    /// Appends the headers of this request, in its dialect, to the
    /// application's own. Those must be there already: some dialects cannot
    /// carry every value and have it respelled, and what the head says of
    /// idempotency and trace replaces what they say.
    ///
    /// A correlation id that the dialect cannot carry is written as text, so
    /// take it from [`Dialect::correlation_id`].
    pub fn write(&self, headers: &mut Headers) {
        write::request(self, headers);
    }

    /// Whether the record is HTTP-shaped: it has a method or a path.
    #[must_use]
    #[inline]
    pub fn is_http(&self) -> bool {
        self.method.is_some() || self.path.is_some()
    }

    /// Whether somebody waits for an answer.
    #[must_use]
    #[inline]
    pub fn is_call(&self) -> bool {
        self.reply_to.is_some()
    }
}
