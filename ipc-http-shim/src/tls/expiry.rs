//! How long a certificate is still good.

use std::time::{Duration, SystemTime};

/// From when on the end of a certificate is worth a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long a certificate is still good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expiry {
    /// Long enough.
    Far,
    /// So long.
    Soon(Duration),
    /// It has expired.
    Over,
}

impl Expiry {
    pub(super) fn at(now: SystemTime, not_after: SystemTime) -> Self {
        match not_after.duration_since(now) {
            Err(_) => Self::Over,
            Ok(left) if left <= SOON => Self::Soon(left),
            Ok(_) => Self::Far,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_soon_from_fourteen_days_before_it() {
        let end = SystemTime::UNIX_EPOCH + 100 * SOON;
        let second = Duration::from_secs(1);

        assert_eq!(Expiry::at(end - SOON - second, end), Expiry::Far);
        assert_eq!(Expiry::at(end - SOON, end), Expiry::Soon(SOON));
        assert_eq!(Expiry::at(end, end), Expiry::Soon(Duration::ZERO));
        assert_eq!(Expiry::at(end + second, end), Expiry::Over);
    }
}
