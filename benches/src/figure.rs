use serde::{Deserialize, Serialize};

/// A quantity that was taken once in every round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What it says, unique within its measure: `at 64: throughput over raw`.
    pub(crate) name: String,
    pub(crate) unit: Unit,
    /// Its value in each round.
    pub(crate) rounds: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    Ratio,
    Seconds,
    PerSecond,
    Bytes,
    Count,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, rounds: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            unit,
            rounds,
        }
    }

    /// Each round of `of` over the same round of `over`.
    pub(crate) fn ratio(name: impl Into<String>, of: &[f64], over: &[f64]) -> Self {
        let rounds = of.iter().zip(over).map(|(of, over)| of / over).collect();
        Self::new(name, Unit::Ratio, rounds)
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.rounds)
    }

    /// The least and the greatest of its rounds.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let each = || self.rounds.iter().copied();
        (
            each().fold(f64::NAN, f64::min),
            each().fold(f64::NAN, f64::max),
        )
    }
}

/// The middle value, or the mean of the two in the middle; not a number where
/// there is none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

impl Unit {
    /// The value in words of this unit: `0.53 ms`.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2} x"),
            Self::Seconds => match value {
                ..1e-3 => format!("{:.1} us", value * 1e6),
                ..1.0 => format!("{:.2} ms", value * 1e3),
                _ => format!("{value:.2} s"),
            },
            Self::PerSecond => format!("{}/s", grouped(value)),
            Self::Bytes => format!("{:.1} MB", value / 1e6),
            Self::Count if value < 100.0 => format!("{value:.1}"),
            Self::Count => grouped(value),
        }
    }
}

/// A whole number with a space between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !shown.ends_with('-') {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let ratio = Figure::ratio("r", &[1.0, 9.0], &[2.0, 3.0]);
        assert_eq!(ratio.rounds, [0.5, 3.0]);
        assert_eq!(ratio.spread(), (0.5, 3.0));
    }

    #[test]
    fn units_are_shown_as_people_read_them() {
        assert_eq!(Unit::Seconds.show(0.000_53), "530.0 us");
        assert_eq!(Unit::Seconds.show(0.002_5), "2.50 ms");
        assert_eq!(Unit::PerSecond.show(48_123.4), "48 123/s");
        assert_eq!(Unit::Count.show(1_544_578.0), "1 544 578");
        assert_eq!(Unit::Ratio.show(1.104), "1.10 x");
    }
}
