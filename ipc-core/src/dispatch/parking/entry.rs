//! What stands in the log of a parked record: itself, under the offset of its request and
//! the fence of the owner that wrote it.

use std::sync::Arc;

use bytes::Bytes;

use crate::dispatch::Record;
use crate::dispatch::delivery::Past;
use crate::envelope::{Envelope, Trail, UnixMillis, names};
use crate::transport::{Origin, Received, Timestamp, TopicPartition};

/// A parked record, as its entry has it.
#[derive(Debug)]
pub(in crate::dispatch) struct Restored {
    /// As it was received, where it was.
    pub(in crate::dispatch) received: Received,
    pub(in crate::dispatch) past: Option<Box<Past>>,
    /// When its next attempt is due.
    pub(in crate::dispatch) due: UnixMillis,
    /// Of the owners whose entries stand.
    pub(in crate::dispatch) fences: Vec<i64>,
}

/// An entry's place: the offset of its request, and the fence of its owner.
pub(super) type Place = (i64, i64);

/// What is said of a request at a place.
#[derive(Debug)]
pub(super) enum Said {
    /// It is parked.
    Parked(Box<Restored>),
    /// It was parked, and is done with. When it was written first.
    Settled(Option<UnixMillis>),
    /// Nothing.
    Nothing,
}

/// The entry of `record`, whose next attempt is due then.
pub(super) fn write(record: &Record, fence: i64, due: UnixMillis) -> Envelope {
    let origin = &record.origin;
    let place = &origin.partition;
    let past = record.past.as_deref();
    let mut trail = Trail::new(&*place.topic, place.partition, origin.offset, due);
    trail.written = origin.timestamp.millis();
    if let Some(past) = past {
        trail.first_failed = past.first_failed;
    }
    let mut headers = record.envelope.headers.clone();
    Trail::erase(&mut headers);
    // A body that came in one chunk is whole.
    headers.retain(|header| !matches!(&*header.name, names::CHUNK | names::END));
    if past.is_some() {
        headers.retain(|header| &*header.name != names::ATTEMPT);
        headers.push_static(names::ATTEMPT, record.head.attempt.to_string());
    }
    trail.write(&mut headers);
    if let Some(key) = &record.envelope.key {
        headers.push_static(names::RETRY_KEY, key.clone());
    }
    let payload = record.envelope.payload.clone().unwrap_or_else(|| {
        // Without a payload it would be the end of an entry.
        headers.push_static(names::RETRY_NULL, "1");
        Bytes::new()
    });
    Envelope {
        headers,
        key: Some(key((origin.offset, fence))),
        payload: Some(payload),
    }
}

/// What takes an entry away, as if it had never been.
pub(super) fn undo(place: Place) -> Envelope {
    Envelope {
        key: Some(key(place)),
        ..Envelope::default()
    }
}

/// What takes the entry of a record away that is done with, and that was written first
/// then.
pub(super) fn settle(place: Place, written: Option<UnixMillis>) -> Envelope {
    let mut settled = undo(place);
    let headers = &mut settled.headers;
    headers.push_static(names::RETRY_SETTLED, "1");
    if let Some(UnixMillis(written)) = written {
        headers.push_static(names::RETRY_WRITTEN, written.to_string());
    }
    settled
}

/// What a record says of which request of the partition `of`. `None` for what nobody of
/// ours wrote.
pub(super) fn read(received: Received, of: &TopicPartition) -> Option<(Place, Said)> {
    let Envelope {
        mut headers,
        key,
        payload,
    } = received.envelope;
    let (offset, fence) = place(&key?)?;
    let Some(payload) = payload else {
        let said = match headers.contains(names::RETRY_SETTLED) {
            true => Said::Settled(Trail::written(&headers)),
            false => Said::Nothing,
        };
        return Some(((offset, fence), said));
    };
    let trail = Trail::read(&headers)?;
    if trail.offset != offset || trail.partition != of.partition || *trail.topic != *of.topic {
        return None;
    }
    let key = headers.get(names::RETRY_KEY).cloned();
    let payload = (!headers.contains(names::RETRY_NULL)).then_some(payload);
    let failed = headers.contains(names::ATTEMPT);
    Trail::erase(&mut headers);
    let restored = Restored {
        received: Received {
            envelope: Envelope {
                headers,
                key,
                payload,
            },
            origin: Origin {
                partition: TopicPartition {
                    topic: Arc::clone(&of.topic),
                    partition: of.partition,
                },
                offset,
                timestamp: trail.written.map_or(Timestamp::Unknown, Timestamp::Created),
            },
            intact: received.intact,
        },
        past: failed.then(|| {
            Box::new(Past {
                first_failed: trail.first_failed,
                home: None,
            })
        }),
        due: trail.due,
        fences: vec![fence],
    };
    Some(((offset, fence), Said::Parked(Box::new(restored))))
}

fn key((offset, fence): Place) -> Bytes {
    format!("{offset}/{fence}").into()
}

fn place(key: &[u8]) -> Option<Place> {
    let (offset, fence) = std::str::from_utf8(key).ok()?.split_once('/')?;
    Some((offset.parse().ok()?, fence.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::Headers;

    fn of() -> TopicPartition {
        TopicPartition {
            topic: Arc::from("orders.requests"),
            partition: 3,
        }
    }

    fn bytes() -> impl Strategy<Value = Option<Bytes>> {
        let some = any::<Option<Vec<u8>>>();
        some.prop_map(|bytes| bytes.map(Bytes::from))
    }

    fn received(envelope: Envelope, offset: i64, written: Option<u64>) -> Received {
        let written = written.map(UnixMillis);
        Received {
            envelope,
            origin: Origin {
                partition: of(),
                offset,
                timestamp: written.map_or(Timestamp::Unknown, Timestamp::Created),
            },
            intact: true,
        }
    }

    proptest! {
        #[test]
        fn a_record_is_restored_as_it_was_received(
            key in bytes(),
            payload in bytes(),
            numbers in (0_i64.., any::<Option<u64>>(), 0_i64.., any::<u64>()),
            failed in prop::option::of((2_u32.., any::<u64>())),
        ) {
            let (offset, written, fence, due) = numbers;
            let mut headers = Headers::new();
            headers.push_static(names::METHOD, "POST");
            let request = received(Envelope { headers, key, payload }, offset, written);
            let mut record = Record::blank();
            record.envelope = request.envelope.clone();
            record.origin = request.origin.clone();
            record.past = failed.map(|(_, first)| Box::new(Past {
                first_failed: UnixMillis(first),
                home: None,
            }));
            record.head.attempt = failed.map_or(1, |(attempt, _)| attempt);
            let entry = received(write(&record, fence, UnixMillis(due)), 0, None);
            let Some((place, Said::Parked(mut restored))) = read(entry, &of()) else {
                return Err(TestCaseError::fail("it is not read as parked"));
            };
            prop_assert_eq!(place, (offset, fence));
            prop_assert_eq!(restored.due, UnixMillis(due));
            let headers = &mut restored.received.envelope.headers;
            let attempt = headers.get_str(names::ATTEMPT).map(str::to_owned);
            prop_assert_eq!(attempt, failed.map(|(attempt, _)| attempt.to_string()));
            headers.retain(|header| &*header.name != names::ATTEMPT);
            prop_assert_eq!(restored.received, request);
            let first = restored.past.map(|past| past.first_failed.0);
            prop_assert_eq!(first, failed.map(|(_, first)| first));
        }

        #[test]
        fn what_takes_an_entry_away_says_whether_it_is_done_with(
            offset in 0_i64.., fence in 0_i64.., written in any::<Option<u64>>()
        ) {
            let place = (offset, fence);
            let undone = read(received(undo(place), 0, None), &of());
            prop_assert!(matches!(undone, Some((at, Said::Nothing)) if at == place));
            let written = written.map(UnixMillis);
            let settled = read(received(settle(place, written), 0, None), &of());
            let Some((at, Said::Settled(when))) = settled else {
                return Err(TestCaseError::fail("it is not read as settled"));
            };
            prop_assert_eq!((at, when), (place, written));
        }

        #[test]
        fn any_record_is_read_or_passed_over(key in bytes(), payload in bytes()) {
            let envelope = Envelope { headers: Headers::new(), key, payload };
            let _ = read(received(envelope, 0, None), &of());
        }
    }
}
