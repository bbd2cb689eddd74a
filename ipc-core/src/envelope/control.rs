//! Control records: what callers and instances tell each other beside requests
//! and replies.
//!
//! They travel on `<service>.control`; a ping also on the caller's own reply topic,
//! where it looks for its inbox. Everything stands in headers; key and payload are null.

use std::collections::BTreeSet;

use bytes::Bytes;
use bytestring::ByteString;

use super::pause::PauseScope;
use super::{CallerId, CorrelationId, Envelope, Headers, UnixMillis, decimal, names};

/// More partitions than one instance plausibly reads: bounds what a hostile
/// range can make of a few bytes.
pub const MAX_PARTITIONS: usize = 10_000;

/// More than anybody pauses one by one.
const MAX_PAUSED: usize = 1000;

/// One control record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Control {
    /// The caller has stopped waiting: whoever holds the request may stop too.
    Cancel {
        /// The request.
        correlation_id: CorrelationId,
        /// Who sent it.
        caller: CallerId,
    },
    /// How much of an answer the caller has consumed since it began; the sender
    /// may keep a fixed amount beyond that in flight. Totals, so that a lost
    /// credit is mended by the next.
    Credit {
        /// The request being answered.
        correlation_id: CorrelationId,
        /// Who sent it.
        caller: CallerId,
        /// Body bytes consumed.
        bytes: u64,
        /// Records consumed, where the answer is a reply stream.
        records: Option<u64>,
    },
    /// An instance serves.
    Presence {
        /// The instance.
        instance: ByteString,
        /// The partitions of the request topic it reads.
        partitions: BTreeSet<i32>,
        /// Until when this holds.
        valid_until: UnixMillis,
        /// How far it obeys those who look after the service. An older release does
        /// not say.
        obeyed: Option<Obeyed>,
    },
    /// An instance stops serving; its presence ends now.
    Farewell {
        /// The instance.
        instance: ByteString,
    },
    /// A caller looks whether what is written to a topic comes back from it.
    Ping {
        /// The caller.
        caller: CallerId,
        /// Tells this ping from others of the same caller.
        nonce: u64,
    },
}

/// How far an instance obeys what is paused and resumed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Obeyed {
    /// The offset in `<service>.pauses` before which it has obeyed everything.
    pub through: u64,
    /// What is paused here: `*`, or names of endpoints that it has.
    pub paused: BTreeSet<ByteString>,
}

impl Obeyed {
    /// Whether nothing at all is handled here.
    #[must_use]
    pub fn pauses_everything(&self) -> bool {
        let everything = PauseScope::Service.as_str();
        self.paused.iter().any(|it| &**it == everything)
    }

    fn read(headers: &Headers) -> Option<Self> {
        let through = number(headers, names::PAUSES_READ)?;
        let paused = headers.get_all(names::PAUSED).flatten();
        let paused = paused.filter_map(|name| ByteString::try_from(name.clone()).ok());
        Some(Self {
            through,
            paused: paused.take(MAX_PAUSED).collect(),
        })
    }

    fn write(&self, headers: &mut Headers) {
        headers.push_static(names::PAUSES_READ, decimal::write(self.through));
        for name in self.paused.iter().take(MAX_PAUSED) {
            headers.push_static(names::PAUSED, name.as_bytes().clone());
        }
    }
}

impl Control {
    /// Reads a control record. `None` for what is none, for kinds of a later
    /// release and for what cannot be read.
    #[must_use]
    pub fn parse(headers: &Headers) -> Option<Self> {
        let control = match headers.get_str(names::CONTROL)? {
            "cancel" => Self::Cancel {
                correlation_id: correlation_id(headers)?,
                caller: caller(headers)?,
            },
            "credit" => Self::Credit {
                correlation_id: correlation_id(headers)?,
                caller: caller(headers)?,
                bytes: number(headers, names::CREDIT_BYTES)?,
                records: match headers.get(names::CREDIT_RECORDS) {
                    Some(value) => Some(decimal::read(value)?),
                    None => None,
                },
            },
            "presence" => Self::Presence {
                instance: text(headers, names::INSTANCE)?,
                partitions: parse_partitions(headers.get_str(names::PARTITIONS)?)?,
                valid_until: UnixMillis(number(headers, names::VALID_UNTIL)?),
                obeyed: Obeyed::read(headers),
            },
            "farewell" => Self::Farewell {
                instance: text(headers, names::INSTANCE)?,
            },
            "ping" => Self::Ping {
                caller: caller(headers)?,
                nonce: number(headers, names::NONCE)?,
            },
            _ => return None,
        };
        Some(control)
    }

    /// Appends the headers of this control record.
    pub fn write(&self, headers: &mut Headers) {
        let kind = Bytes::from_static(self.kind().as_bytes());
        headers.push_static(names::CONTROL, kind);
        match self {
            Self::Cancel {
                correlation_id,
                caller,
            } => write_call(headers, correlation_id, caller),
            Self::Credit {
                correlation_id,
                caller,
                bytes,
                records,
            } => {
                write_call(headers, correlation_id, caller);
                headers.push_static(names::CREDIT_BYTES, decimal::write(*bytes));
                if let Some(records) = records {
                    headers.push_static(names::CREDIT_RECORDS, decimal::write(*records));
                }
            }
            Self::Presence {
                instance,
                partitions,
                valid_until,
                obeyed,
            } => {
                headers.push_static(names::INSTANCE, instance.as_bytes().clone());
                headers.push_static(names::PARTITIONS, format_partitions(partitions));
                headers.push_static(names::VALID_UNTIL, decimal::write(valid_until.0));
                if let Some(obeyed) = obeyed {
                    obeyed.write(headers);
                }
            }
            Self::Farewell { instance } => {
                headers.push_static(names::INSTANCE, instance.as_bytes().clone());
            }
            Self::Ping { caller, nonce } => {
                headers.push_static(names::CALLER, caller.as_bytes().clone());
                headers.push_static(names::NONCE, decimal::write(*nonce));
            }
        }
    }

    /// The whole record: headers, and neither key nor payload.
    #[must_use]
    pub fn to_envelope(&self) -> Envelope {
        let mut headers = Headers::with_capacity(5);
        self.write(&mut headers);
        Envelope {
            headers,
            key: None,
            payload: None,
        }
    }

    /// The value of `ipc-control`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Credit { .. } => "credit",
            Self::Presence { .. } => "presence",
            Self::Farewell { .. } => "farewell",
            Self::Ping { .. } => "ping",
        }
    }
}

fn write_call(headers: &mut Headers, id: &CorrelationId, caller: &CallerId) {
    headers.push_static(names::CORRELATION_ID, id.as_bytes().clone());
    headers.push_static(names::CALLER, caller.as_bytes().clone());
}

fn correlation_id(headers: &Headers) -> Option<CorrelationId> {
    headers
        .get(names::CORRELATION_ID)
        .map(|id| CorrelationId::from(id.clone()))
}

fn caller(headers: &Headers) -> Option<CallerId> {
    text(headers, names::CALLER).map(CallerId::from)
}

fn text(headers: &Headers, name: &str) -> Option<ByteString> {
    ByteString::try_from(headers.get(name)?.clone()).ok()
}

fn number(headers: &Headers, name: &str) -> Option<u64> {
    decimal::read(headers.get(name)?)
}

/// `0-3,7`: ascending, runs joined.
fn format_partitions(partitions: &BTreeSet<i32>) -> String {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for &partition in partitions {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(partition) => *last = partition,
            _ => runs.push((partition, partition)),
        }
    }
    let words: Vec<String> = runs
        .into_iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    words.join(",")
}

fn parse_partitions(text: &str) -> Option<BTreeSet<i32>> {
    let mut partitions = BTreeSet::new();
    for word in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let first: i32 = decimal::read(first.as_bytes())?;
        let last: i32 = decimal::read(last.as_bytes())?;
        let count = usize::try_from(last.checked_sub(first)?).ok()?;
        if partitions.len() + count >= MAX_PARTITIONS {
            return None;
        }
        partitions.extend(first..=last);
    }
    Some(partitions)
}
