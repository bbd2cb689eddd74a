use crate::figure::Unit;

/// How an axis writes the values of a unit: in the multiple that suits the
/// greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// What one of the axis is in the unit.
    pub(super) one: f64,
    /// Its name; none where it needs none.
    name: Option<&'static str>,
}

impl Scale {
    pub(super) fn of(unit: Unit, greatest: f64) -> Self {
        let (one, name) = match unit {
            Unit::Ratio => (1.0, "times"),
            Unit::Seconds if greatest < 1e-3 => (1e-6, "microseconds"),
            Unit::Seconds if greatest < 1.0 => (1e-3, "milliseconds"),
            Unit::Seconds => (1.0, "seconds"),
            Unit::PerSecond if greatest < 10e3 => (1.0, "per second"),
            Unit::PerSecond => (1e3, "thousands per second"),
            Unit::Bytes => (1e6, "MB"),
            Unit::Count if greatest < 10e3 => {
                return Self {
                    one: 1.0,
                    name: None,
                };
            }
            Unit::Count => (1e3, "thousands"),
        };
        Self {
            one,
            name: Some(name),
        }
    }

    /// What stands beside an axis of this quantity.
    pub(super) fn beside(self, quantity: &str) -> String {
        match self.name {
            Some(name) => format!("{quantity}, {name}"),
            None => quantity.to_owned(),
        }
    }

    /// A value in the axis's own multiple, without a unit.
    pub(super) fn show(self, value: f64) -> String {
        match value / self.one {
            scaled if !scaled.is_finite() => "-".to_owned(),
            0.0 => "0".to_owned(),
            scaled if scaled.abs() < 1.0 => format!("{scaled:.2}"),
            scaled if scaled.abs() < 20.0 => format!("{scaled:.1}"),
            scaled => format!("{scaled:.0}"),
        }
    }

    /// A mark on the axis: as short as it can be said.
    pub(super) fn mark(self, value: f64) -> String {
        let scaled = value / self.one;
        // one that is 0.30000000000000004
        let scaled = (scaled * 1e6).round() / 1e6;
        scaled.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_value_decides_what_an_axis_counts_in() {
        let scale = |unit, greatest| Scale::of(unit, greatest).beside("x");
        assert_eq!(scale(Unit::Seconds, 0.000_5), "x, microseconds");
        assert_eq!(scale(Unit::Seconds, 0.5), "x, milliseconds");
        assert_eq!(scale(Unit::Seconds, 5.0), "x, seconds");
        assert_eq!(scale(Unit::PerSecond, 48_000.0), "x, thousands per second");
    }

    #[test]
    fn a_count_needs_no_name() {
        assert_eq!(
            Scale::of(Unit::Count, 80.0).beside("allocations"),
            "allocations"
        );
    }

    #[test]
    fn values_are_short() {
        let scale = Scale::of(Unit::Seconds, 0.030);
        assert_eq!(scale.show(0.000_53), "0.53");
        assert_eq!(scale.show(0.003_1), "3.1");
        assert_eq!(scale.show(0.030), "30");
        assert_eq!(scale.mark(0.000_3 * 1.000_000_000_1), "0.3");
    }
}
