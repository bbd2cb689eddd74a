//! What becomes of a topic's old records.

use std::fmt;

/// `cleanup.policy` of a topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cleanup {
    /// Whether only the last record of each key is kept.
    pub compacts: bool,
    /// Whether records go after the retention time.
    pub deletes: bool,
}

impl Cleanup {
    /// The topic setting that it is the value of.
    pub const SETTING: &str = "cleanup.policy";

    /// The meaning of a setting, as `compact,delete`.
    #[must_use]
    pub fn of(setting: &str) -> Self {
        let has = |policy| setting.split(',').any(|it| it.trim() == policy);
        Self {
            compacts: has("compact"),
            deletes: has("delete"),
        }
    }

    /// Whether a topic that is cleaned up like this loses what one that is cleaned up as
    /// `wanted` keeps, or keeps every record of a key where the last is enough.
    #[must_use]
    pub fn contradicts(self, wanted: Self) -> bool {
        self.compacts != wanted.compacts || (self.deletes && !wanted.deletes)
    }
}

/// As the setting.
impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.compacts, self.deletes) {
            (true, true) => "compact,delete",
            (true, false) => "compact",
            (false, true) => "delete",
            (false, false) => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_longer_than_wanted_does_no_harm_and_what_is_lost_does() {
        let contradicts = |found, wanted| Cleanup::of(found).contradicts(Cleanup::of(wanted));
        for (found, wanted) in [
            ("delete", "delete"),
            ("", "delete"),
            ("compact", "compact"),
            ("delete, compact", "compact,delete"),
            ("compact", "compact,delete"),
        ] {
            assert!(!contradicts(found, wanted), "{found} for {wanted}");
        }
        for (found, wanted) in [
            ("compact", "delete"),
            ("compact,delete", "delete"),
            ("delete", "compact"),
            ("compact,delete", "compact"),
            ("delete", "compact,delete"),
        ] {
            assert!(contradicts(found, wanted), "{found} for {wanted}");
        }
    }

    #[test]
    fn a_policy_is_written_as_it_is_read() {
        for setting in ["compact,delete", "compact", "delete", ""] {
            assert_eq!(Cleanup::of(setting).to_string(), setting);
        }
    }
}
