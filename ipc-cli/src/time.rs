//! Points in time, as they are written on a command line.

use std::time::{Duration, UNIX_EPOCH};

use ipc_core::envelope::{UnixMillis, deadline};

/// A point in time, or how long it is ago.
pub(crate) fn parse(text: &str) -> Result<UnixMillis, String> {
    if let Ok(at) = humantime::parse_rfc3339_weak(text) {
        let since = at.duration_since(UNIX_EPOCH);
        return since
            .map(|since| UnixMillis(deadline::millis(since)))
            .map_err(|_| "it is before 1970".to_owned());
    }
    humantime::parse_duration(text)
        .map(|ago| UnixMillis::now().minus(ago))
        .map_err(|_| {
            "it is no time: write 2026-11-21T08:00:00Z, or 2h for two hours ago".to_owned()
        })
}

/// A point in time to the millisecond, as RFC 3339.
pub(crate) fn show(at: UnixMillis) -> String {
    /// The last that has a year of four digits.
    const LAST: u64 = 253_402_300_799_999;
    let at = UNIX_EPOCH + Duration::from_millis(at.0.min(LAST));
    humantime::format_rfc3339_millis(at).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MORNING: UnixMillis = UnixMillis(1_795_250_768_000);

    proptest! {
        #[test]
        fn every_number_of_milliseconds_is_some_time(at: u64) {
            prop_assert!(!show(UnixMillis(at)).is_empty());
        }

        #[test]
        fn a_time_is_read_as_it_is_shown(at in 0..=253_402_300_799_999_u64) {
            prop_assert_eq!(parse(&show(UnixMillis(at))), Ok(UnixMillis(at)));
        }
    }

    #[test]
    fn a_time_is_a_date_or_a_while_ago() {
        assert_eq!(show(MORNING), "2026-11-21T08:46:08.000Z");
        assert_eq!(parse("2026-11-21T08:46:08Z"), Ok(MORNING));
        assert_eq!(parse("2026-11-21 08:46:08"), Ok(MORNING));
        let hour = Duration::from_secs(3600);
        let earliest = UnixMillis::now().minus(hour);
        let ago = parse("1h").unwrap();
        let latest = UnixMillis::now().minus(hour);
        assert!((earliest..=latest).contains(&ago));
        let error = parse("yesterday").unwrap_err();
        assert!(error.contains("write"), "{error}");
    }
}
