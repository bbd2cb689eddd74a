//! What a service tells of the time that a request took there.

use std::time::Duration;

use bytes::Bytes;

use super::{deadline, decimal};

/// How long a request waited for its handler, from the record's timestamp on, as the
/// service that answers it tells. In the extensions of a response over Kafka where its
/// reply says so.
///
/// Two hosts' clocks may have told it: trust it as far as the whole call took as long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct QueueTime(pub Duration);

/// How long a request took its handler, and the layers around it, by the clock of the
/// service that answers it. In the extensions of a response over Kafka where its reply
/// says so; of a reply stream, until its first record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HandlerTime(pub Duration);

/// How each is told.
macro_rules! told {
    ($($time:ident)*) => {$(
        impl $time {
            /// What took shorter is not told: a header costs more than it says then.
            pub const SHORTEST: Duration = Duration::from_millis(10);

            /// As it is told, in whole milliseconds; `None` where it is not.
            #[must_use]
            pub fn write(self) -> Option<Bytes> {
                (self.0 >= Self::SHORTEST).then(|| decimal::write(deadline::millis(self.0)))
            }

            /// Reads what is told; `None` where it is no number.
            #[must_use]
            pub fn read(value: &Bytes) -> Option<Self> {
                decimal::read(value).map(Duration::from_millis).map(Self)
            }
        }
    )*};
}

told!(QueueTime HandlerTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_is_not_told() {
        assert_eq!(QueueTime(Duration::from_micros(9_999)).write(), None);
        let told = HandlerTime(HandlerTime::SHORTEST).write();
        assert_eq!(told.as_deref(), Some(&b"10"[..]));
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        let read = |text: &'static [u8]| QueueTime::read(&Bytes::from_static(text));

        assert_eq!(read(b"1500"), Some(QueueTime(Duration::from_millis(1500))));
        assert_eq!(read(b"-1"), None);
        assert_eq!(read(b"soon"), None);
    }
}
