//! W3C trace context: the two headers that tie spans of several processes together.
//!
//! Written here rather than taken from the OpenTelemetry crates: reading and
//! writing 55 characters needs none of their machinery, and an application is
//! free to pick its own version of them.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use uuid::Uuid;

/// `tracestate` may be cut beyond this many bytes, the least that the
/// recommendation asks everybody to carry.
pub const MAX_STATE: usize = 512;

/// `sampled` and `random`; other bits have no meaning yet and are not passed on.
const KNOWN_FLAGS: u8 = 0b11;

/// Where in a trace a record was written.
///
/// Displays as the value of `traceparent`.
///
/// ```
/// use ipc_core::envelope::TraceContext;
///
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let trace = TraceContext::parse(header.as_bytes()).unwrap();
/// assert!(trace.is_sampled());
/// assert_eq!(trace.to_string(), header);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: Option<ByteString>,
}

impl TraceContext {
    /// The beginning of a new trace.
    #[must_use]
    pub fn root(sampled: bool) -> Self {
        Self {
            trace_id: Uuid::new_v4().as_u128(),
            span_id: random_span_id(),
            flags: u8::from(sampled),
            state: None,
        }
    }

    /// A new span below this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: random_span_id(),
            ..self.clone()
        }
    }

    /// Reads `traceparent`. `None` where it is not of its form: the trace then
    /// starts anew, as the recommendation asks.
    #[must_use]
    pub fn parse(traceparent: &[u8]) -> Option<Self> {
        let (known, rest) = traceparent.split_at_checked(55)?;
        let version = hex(&known[..2])?;
        let extensible = version != 0 && rest.starts_with(b"-");
        if version == 0xff || !(rest.is_empty() || extensible) {
            return None;
        }
        if [known[2], known[35], known[52]] != [b'-'; 3] {
            return None;
        }
        let trace_id = hex(&known[3..35]).filter(|id| *id != 0)?;
        let span_id = hex(&known[36..52]).filter(|id| *id != 0)?;
        let flags = hex(&known[53..55])?;
        Some(Self {
            trace_id,
            span_id: u64::try_from(span_id).ok()?,
            flags: u8::try_from(flags).ok()? & KNOWN_FLAGS,
            state: None,
        })
    }

    /// Adds what stood in `tracestate`, cut to whole entries within
    /// [`MAX_STATE`]. What is not printable ASCII is left out.
    #[must_use]
    pub fn with_state(mut self, tracestate: &Bytes) -> Self {
        self.state = ByteString::try_from(tracestate.clone())
            .ok()
            .filter(|text| text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
            .map(cut)
            .filter(|text| !text.is_empty());
        self
    }

    /// The trace, the same for all its spans.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The span the record was written in.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the sender records this trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The value of `tracestate`.
    #[must_use]
    pub fn state(&self) -> Option<&ByteString> {
        self.state.as_ref()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            span_id,
            flags,
            ..
        } = self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

/// Never zero: the lower half of a UUID begins with its variant.
fn random_span_id() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

/// Reads lower-case digits, the only ones allowed, of at most 16 bytes.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

fn cut(state: ByteString) -> ByteString {
    match state.get(..=MAX_STATE) {
        None => state,
        Some(head) => state.slice_ref(head.rsplit_once(',').map_or("", |(whole, _)| whole)),
    }
}
