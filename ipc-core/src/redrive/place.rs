//! Where a record lies in its topic.

use std::fmt;
use std::str::FromStr;

use crate::transport::Origin;

/// Partition and offset, written `3:17`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The partition, from 0.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
}

/// A place that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no place of a record: write PARTITION:OFFSET, such as 3:17")]
pub struct InvalidPlace(String);

impl Place {
    pub(crate) fn of(origin: &Origin) -> Self {
        Self {
            partition: origin.partition.partition,
            offset: origin.offset,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let read = || {
            let (partition, offset) = text.split_once(':')?;
            let place = Self {
                partition: partition.parse().ok()?,
                offset: offset.parse().ok()?,
            };
            (place.partition >= 0 && place.offset >= 0).then_some(place)
        };
        read().ok_or_else(|| InvalidPlace(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_read_as_it_is_written(partition in 0..=i32::MAX, offset in 0..=i64::MAX) {
            let place = Place { partition, offset };
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn what_is_no_place_is_named() {
        for text in ["", "3", ":", "-1:2", "1:-2", "1:2:3", "a:b"] {
            let error = text.parse::<Place>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
