//! What a record that waits in a retry topic says of the way it came.

use bytestring::ByteString;

use super::{Headers, UnixMillis, decimal, names};

/// Where a record was written first, and when it is to be handled again.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Trail {
    /// The topic it was written to first.
    pub topic: ByteString,
    /// Its partition there.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// When it was written there, where the log says so.
    pub written: Option<UnixMillis>,
    /// When the first attempt at it failed.
    pub first_failed: UnixMillis,
    /// When the next attempt is due.
    pub due: UnixMillis,
}

impl Trail {
    /// The trail of a record that lay at this place, and is due now.
    #[must_use]
    pub fn new(topic: impl Into<ByteString>, partition: i32, offset: i64, now: UnixMillis) -> Self {
        Self {
            topic: topic.into(),
            partition,
            offset,
            written: None,
            first_failed: now,
            due: now,
        }
    }

    /// Reads the trail of a record; `None` for one that has none, or none that can
    /// be read.
    #[must_use]
    pub fn read(headers: &Headers) -> Option<Self> {
        Some(Self {
            topic: headers.get_str(names::RETRY_TOPIC)?.into(),
            partition: decimal::read(headers.get(names::RETRY_PARTITION)?)?,
            offset: decimal::read(headers.get(names::RETRY_OFFSET)?)?,
            written: Self::written(headers),
            first_failed: UnixMillis(decimal::read(headers.get(names::RETRY_FIRST_FAILED)?)?),
            due: Self::due(headers)?,
        })
    }

    /// When a record was written first, where it says so.
    pub(crate) fn written(headers: &Headers) -> Option<UnixMillis> {
        decimal::read(headers.get(names::RETRY_WRITTEN)?).map(UnixMillis)
    }

    /// When a record is to be handled again, where it says so.
    #[must_use]
    pub fn due(headers: &Headers) -> Option<UnixMillis> {
        decimal::read(headers.get(names::RETRY_DUE)?).map(UnixMillis)
    }

    /// Appends the headers of this trail.
    pub fn write(&self, headers: &mut Headers) {
        let mut number = |name, number: u64| headers.push_static(name, decimal::write(number));
        number(names::RETRY_DUE, self.due.0);
        number(names::RETRY_FIRST_FAILED, self.first_failed.0);
        if let Some(written) = self.written {
            number(names::RETRY_WRITTEN, written.0);
        }
        number(
            names::RETRY_PARTITION,
            u64::try_from(self.partition).unwrap_or_default(),
        );
        number(
            names::RETRY_OFFSET,
            u64::try_from(self.offset).unwrap_or_default(),
        );
        headers.push_static(names::RETRY_TOPIC, self.topic.clone().into_bytes());
    }

    /// Removes the headers of any trail.
    pub fn erase(headers: &mut Headers) {
        headers.retain(|header| !header.name.starts_with("ipc-retry-"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trails() -> impl Strategy<Value = Trail> {
        let place = ("[a-z.]{1,12}", 0..i32::MAX, 0..i64::MAX);
        let times = (any::<Option<u64>>(), any::<u64>(), any::<u64>());
        (place, times).prop_map(
            |((topic, partition, offset), (written, failed, due))| Trail {
                written: written.map(UnixMillis),
                first_failed: UnixMillis(failed),
                due: UnixMillis(due),
                ..Trail::new(topic, partition, offset, UnixMillis(0))
            },
        )
    }

    proptest! {
        #[test]
        fn a_trail_is_read_as_it_was_written_and_erased_whole(trail in trails()) {
            let mut headers = Headers::new();
            headers.push_static(names::ATTEMPT, "2");
            let before = headers.clone();
            trail.write(&mut headers);
            prop_assert_eq!(Trail::due(&headers), Some(trail.due));
            prop_assert_eq!(Trail::read(&headers), Some(trail));
            Trail::erase(&mut headers);
            prop_assert_eq!(headers, before);
        }

        #[test]
        fn what_anybody_may_write_is_read_without_a_panic(
            list in prop::collection::vec((0_usize..6, any::<Vec<u8>>()), 0..8)
        ) {
            let names = [
                names::RETRY_DUE, names::RETRY_TOPIC, names::RETRY_PARTITION,
                names::RETRY_OFFSET, names::RETRY_WRITTEN, names::RETRY_FIRST_FAILED,
            ];
            let mut headers = Headers::new();
            for (name, value) in list {
                headers.push_static(names[name], value);
            }
            if let Some(trail) = Trail::read(&headers) {
                prop_assert!(trail.partition >= 0 && trail.offset >= 0);
            }
        }
    }
}
