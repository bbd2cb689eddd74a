//! From a reply's headers to its head.

use bytes::Bytes;

use super::super::{CallerId, CorrelationId, Dialect, Envelope, Headers, decimal, names, text};

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
    /// Reads the headers of a reply, whatever the dialect. `None` where it
    /// answers nobody: it names no request, or something in it cannot be read.
    ///
    /// One thing the headers alone do not say: a NestJS value that more will
    /// follow looks like a whole reply. Where the call was made in another
    /// dialect than the native one, [`receive`](Self::receive) knows.
    #[must_use]
    pub fn parse(headers: &Headers) -> Option<Self> {
        Reader::read(headers)?.finish(None)
    }

    /// Reads a reply to a call made in `dialect`, and puts its body where the
    /// native dialect has it.
    #[must_use]
    pub fn receive(dialect: Dialect, record: &mut Envelope) -> Option<Self> {
        let head = Reader::read(&record.headers)?.finish(Some(dialect))?;
        dialect.normalize_reply(record);
        Some(head)
    }
}

#[derive(Default)]
struct Reader<'a> {
    kafka: Option<&'a Bytes>,
    smallrye: Option<&'a Bytes>,
    faststream: Option<&'a Bytes>,
    caller: Option<CallerId>,
    status: Option<u16>,
    seq: Option<u32>,
    chunk: Option<u32>,
    end: bool,
    /// NestJS's error mark.
    failed: bool,
}

impl<'a> Reader<'a> {
    fn read(headers: &'a Headers) -> Option<Self> {
        let mut reader = Self::default();
        for header in headers {
            let Some(value) = &header.value else { continue };
            match &*header.name {
                names::CORRELATION_ID => reader.kafka = Some(value),
                names::CALLER => reader.caller = Some(CallerId::from(text::read(value)?)),
                names::STATUS => {
                    let status = decimal::read(value)?;
                    reader.status = Some(status).filter(|status| (100..1000).contains(status));
                    reader.status?;
                }
                names::SEQ => reader.seq = Some(decimal::read(value)?),
                names::CHUNK => reader.chunk = Some(decimal::read(value)?),
                names::END => reader.end |= value.as_ref() == b"1",
                names::NEST_IS_DISPOSED => reader.end = true,
                names::NEST_ERR => reader.failed = true,
                names::SMALLRYE_CORRELATION_ID => reader.smallrye = Some(value),
                names::FASTSTREAM_CORRELATION_ID => reader.faststream = Some(value),
                _ => {}
            }
        }
        Some(reader)
    }

    fn finish(self, dialect: Option<Dialect>) -> Option<ReplyHead> {
        let id = match dialect {
            None => self.kafka.or(self.smallrye).or(self.faststream),
            Some(Dialect::Native | Dialect::NestJs) => self.kafka,
            Some(Dialect::SmallRye) => self.smallrye,
            Some(Dialect::FastStream) => self.faststream,
        }?;
        let unmarked = self.seq.is_none() && self.chunk.is_none();
        Some(ReplyHead {
            correlation_id: CorrelationId::from(id.clone()),
            caller: self.caller,
            status: self.status.unwrap_or(if self.failed { 500 } else { 200 }),
            seq: self.seq,
            chunk: self.chunk,
            end: self.end || self.failed || (unmarked && dialect != Some(Dialect::NestJs)),
        })
    }
}
