//! How long a certificate is still good.

use std::path::Path;
use std::time::{Duration, SystemTime};

/// From when on the end of a certificate is worth a warning, where it is good for longer
/// than three times that.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// When a certificate is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Validity {
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

impl Validity {
    /// Says in the log how long `certificate` is still good, where that is not long.
    pub(super) fn warn(self, certificate: &Path, now: SystemTime) {
        let certificate = certificate.display();
        let ends = humantime::format_rfc3339_seconds(self.not_after);
        match Expiry::at(now, self) {
            Expiry::Far => {}
            Expiry::Soon(_) => {
                tracing::warn!(%certificate, %ends, "the certificate ends soon: renew it");
            }
            Expiry::Over => {
                tracing::error!(%certificate, %ends, "the certificate has expired: renew it");
            }
        }
    }
}

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
    /// Of a certificate that is renewed often, the last third of its life is soon.
    pub(super) fn at(now: SystemTime, validity: Validity) -> Self {
        let Validity {
            not_before,
            not_after,
        } = validity;
        let life = not_after.duration_since(not_before).unwrap_or_default();
        match not_after.duration_since(now) {
            Err(_) => Self::Over,
            Ok(left) if left <= SOON.min(life / 3) => Self::Soon(left),
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
        let year = Validity {
            not_before: SystemTime::UNIX_EPOCH,
            not_after: end,
        };
        let second = Duration::from_secs(1);

        assert_eq!(Expiry::at(end - SOON - second, year), Expiry::Far);
        assert_eq!(Expiry::at(end - SOON, year), Expiry::Soon(SOON));
        assert_eq!(Expiry::at(end, year), Expiry::Soon(Duration::ZERO));
        assert_eq!(Expiry::at(end + second, year), Expiry::Over);
    }

    #[test]
    fn the_end_of_a_certificate_that_is_renewed_often_is_soon_in_the_last_third_of_its_life() {
        let hour = Duration::from_secs(60 * 60);
        let end = SystemTime::UNIX_EPOCH + 24 * hour;
        let day = Validity {
            not_before: SystemTime::UNIX_EPOCH,
            not_after: end,
        };

        assert_eq!(Expiry::at(end - 9 * hour, day), Expiry::Far);
        assert_eq!(Expiry::at(end - 8 * hour, day), Expiry::Soon(8 * hour));
    }
}
