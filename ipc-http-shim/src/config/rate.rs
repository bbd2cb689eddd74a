//! How many requests in how much time.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use super::mistake::Report;
use super::section::Section;
use super::value::FromText;

/// So many requests in a time, and so many at once where there were fewer before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many requests in `per`. At most 999 999 999.
    pub requests: NonZeroU32,
    /// The time they are counted in.
    pub per: Per,
    /// How many may come at once. Written `"10/s burst 50"`; default: as many as
    /// `requests`.
    pub burst: NonZeroU32,
}

/// The time that requests are counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    /// `10/s`
    Second,
    /// `10/m`
    Minute,
    /// `10/h`
    Hour,
}

impl Per {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    /// How long it is.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 60 * 60,
        })
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
        }
    }
}

const MOST: u32 = 999_999_999;

impl FromText for Rate {
    const EXPECTED: &'static str = "a rate";
    const MEND: &'static str = "write requests in a second, a minute or an hour, as in \"100/s\", \
                                \"30/m\" or \"100/s burst 500\"";

    fn from_text(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digits)?;
            NonZeroU32::new(number).filter(|number| number.get() <= MOST)
        };
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(number(burst)?)),
            None => (text, None),
        };
        let (requests, unit) = rate.split_once('/')?;
        let requests = number(requests)?;
        Some(Self {
            requests,
            per: Per::ALL.into_iter().find(|per| per.unit() == unit)?,
            burst: burst.unwrap_or(requests),
        })
    }
}

/// As it is written.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.per.unit())?;
        if self.burst == self.requests {
            return Ok(());
        }
        write!(f, " burst {}", self.burst)
    }
}

/// What requests are counted by. Default: by nothing, and there is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Rates {
    /// Of all of them together.
    pub total: Option<Rate>,
    /// Of each client's address; of each network of 64 bits for IPv6.
    pub address: Option<Rate>,
    /// Of each client that has proved who it is, whatever addresses it comes from. Who has
    /// not, because no route asks for it, is not counted.
    pub principal: Option<Rate>,
}

impl Rates {
    /// Each rate there is, with the key it is written under.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, Rate)> {
        let rates = [
            ("total", self.total),
            ("address", self.address),
            ("principal", self.principal),
        ];
        rates
            .into_iter()
            .filter_map(|(key, rate)| Some((key, rate?)))
    }
}

/// The keys of a table of rates.
pub(super) const KEYS: &[&str] = &["total", "address", "principal"];

/// Reads a table of rates.
pub(super) fn read<'a>(
    title: &'static str,
    (table, span): (&'a DeTable<'a>, Range<usize>),
    report: &mut Report<'_>,
) -> Rates {
    let section = Section::open(title, table, span, KEYS, report);
    let mut of = |key| section.value(key, report).map(|read| read.value);
    Rates {
        total: of("total"),
        address: of("address"),
        principal: of("principal"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_rate_is_not_taken() {
        for text in [
            "",
            "100",
            "100/",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "100/d",
            "100 /s",
            "100/s burst",
            "100/s burst 0",
            "100/s  burst 5",
            "1000000000/s",
        ] {
            assert_eq!(Rate::from_text(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_is_read_as_it_is_shown(requests in 1..=MOST, burst in 1..=MOST, per in 0..3_usize) {
            let rate = Rate {
                requests: NonZeroU32::new(requests).expect("it is not zero"),
                per: Per::ALL[per],
                burst: NonZeroU32::new(burst).expect("it is not zero"),
            };

            prop_assert_eq!(Rate::from_text(&rate.to_string()), Some(rate));
        }
    }
}
