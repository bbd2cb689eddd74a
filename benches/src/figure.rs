use serde::{Deserialize, Deserializer, Serialize};

/// A quantity that was taken once in every round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What it says, unique within its measure: `at 64: throughput over raw`.
    pub(crate) name: String,
    pub(crate) unit: Unit,
    /// Its value in each round; JSON has no word for what is not a number, and
    /// says `null`.
    #[serde(deserialize_with = "or_not_a_number")]
    pub(crate) rounds: Vec<f64>,
    /// What it compares, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sides: Option<Box<Sides>>,
}

/// What the name of a figure is made of, where one measure has many alike:
/// `at 64: p50, typed`, or `instructions: a call` where a quantity has many things
/// it is counted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label<'a> {
    /// The load: `at 64`.
    pub(crate) at: Option<&'a str>,
    /// The quantity: `p50`.
    pub(crate) what: &'a str,
    /// Whose it is: `typed`.
    pub(crate) entry: Option<&'a str>,
}

/// Two figures that were compared round by round, each under the name of what it
/// was taken of: `typed` and `raw linger 0`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sides {
    pub(crate) ours: Figure,
    pub(crate) floor: Figure,
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
            sides: None,
        }
    }

    /// Each round of `of` over the same round of `over`.
    pub(crate) fn ratio(name: impl Into<String>, of: &[f64], over: &[f64]) -> Self {
        let rounds = of.iter().zip(over).map(|(of, over)| of / over).collect();
        Self::new(name, Unit::Ratio, rounds)
    }

    /// The ratio of this to a floor, which remembers both.
    pub(crate) fn over(&self, floor: &Self, name: impl Into<String>) -> Self {
        Self::ratio(name, &self.rounds, &floor.rounds).between(self, floor)
    }

    /// What this has more than a floor, which remembers both.
    pub(crate) fn above(&self, floor: &Self, name: impl Into<String>) -> Self {
        let both = self.rounds.iter().zip(&floor.rounds);
        let rounds = both.map(|(ours, floor)| ours - floor).collect();
        Self::new(name, self.unit, rounds).between(self, floor)
    }

    fn between(self, ours: &Self, floor: &Self) -> Self {
        let sides = Sides {
            ours: ours.clone(),
            floor: floor.clone(),
        };
        Self {
            sides: Some(Box::new(sides)),
            ..self
        }
    }

    pub(crate) fn label(&self) -> Label<'_> {
        let (at, rest) = match self.name.split_once(": ") {
            Some((at, rest)) if at.starts_with("at ") => (Some(at), rest),
            Some((what, entry)) => {
                return Label {
                    at: None,
                    what,
                    entry: Some(entry),
                };
            }
            None => (None, self.name.as_str()),
        };
        match rest.rsplit_once(", ") {
            Some((what, entry)) => Label {
                at,
                what,
                entry: Some(entry),
            },
            None => Label {
                at,
                what: rest,
                entry: None,
            },
        }
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

fn or_not_a_number<'de, D: Deserializer<'de>>(rounds: D) -> Result<Vec<f64>, D::Error> {
    let rounds = Vec::<Option<f64>>::deserialize(rounds)?;
    let number = |round: Option<f64>| round.unwrap_or(f64::NAN);
    Ok(rounds.into_iter().map(number).collect())
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
        if !value.is_finite() {
            return "-".to_owned();
        }
        match self {
            Self::Ratio => format!("{value:.2} x"),
            Self::Seconds => match value {
                ..1e-3 => format!("{:.1} us", value * 1e6),
                ..1.0 => format!("{:.2} ms", value * 1e3),
                _ => format!("{value:.2} s"),
            },
            Self::PerSecond => format!("{}/s", grouped(value)),
            Self::Bytes => format!("{:.1} MB", value / 1e6),
            Self::Count if value < 100.0 && value.fract() != 0.0 => format!("{value:.1}"),
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
    fn a_name_says_load_quantity_and_whose_it_is() {
        for (name, at, what, entry) in [
            ("at 64: p50, typed", Some("at 64"), "p50", Some("typed")),
            ("CPU, both sides, raw", None, "CPU, both sides", Some("raw")),
            ("memory above idle", None, "memory above idle", None),
            (
                "instructions: call, JSON",
                None,
                "instructions",
                Some("call, JSON"),
            ),
        ] {
            let figure = Figure::new(name, Unit::Count, Vec::new());
            assert_eq!(figure.label(), Label { at, what, entry });
        }
    }

    #[test]
    fn a_comparison_remembers_its_sides() {
        let ours = Figure::new("typed", Unit::Seconds, vec![3.0]);
        let floor = Figure::new("raw", Unit::Seconds, vec![2.0]);
        let ratio = ours.over(&floor, "p50 over raw");
        assert_eq!((ratio.unit, ratio.median()), (Unit::Ratio, 1.5));
        let added = ours.above(&floor, "p50 above raw");
        assert_eq!((added.unit, added.median()), (Unit::Seconds, 1.0));
        let sides = added.sides.expect("it compares");
        assert_eq!(
            (sides.ours.name, sides.floor.name),
            ("typed".into(), "raw".into())
        );
    }

    #[test]
    fn what_is_not_a_number_survives_json() {
        let figure = Figure::ratio("r", &[0.0, 1.0], &[0.0, 2.0]);
        let text = serde_json::to_string(&figure).expect("a figure is JSON");
        let read: Figure = serde_json::from_str(&text).expect("and is read again");
        assert!(read.rounds[0].is_nan());
        assert_eq!(read.rounds[1], 0.5);
        assert_eq!(Unit::Ratio.show(read.rounds[0]), "-");
    }

    #[test]
    fn units_are_shown_as_people_read_them() {
        assert_eq!(Unit::Seconds.show(0.000_53), "530.0 us");
        assert_eq!(Unit::Seconds.show(0.002_5), "2.50 ms");
        assert_eq!(Unit::PerSecond.show(48_123.4), "48 123/s");
        assert_eq!(Unit::Count.show(1_544_578.0), "1 544 578");
        assert_eq!(Unit::Count.show(4.25), "4.2");
        assert_eq!(Unit::Count.show(0.0), "0");
        assert_eq!(Unit::Ratio.show(1.104), "1.10 x");
    }
}
