//! How far a route has moved.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a route has moved. Written `legacy`, `shadow`, `10%` or `kafka`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stage {
    /// The legacy upstream answers.
    Legacy,
    /// The legacy upstream answers, and a copy of what may be copied goes to the
    /// service, whose answer is compared and shown to nobody else.
    Shadow,
    /// The service answers this many of a hundred keys, 1 to 99.
    Percent(u8),
    /// The service answers.
    Kafka,
}

impl Stage {
    /// How many of a hundred keys the service answers.
    #[must_use]
    pub fn percent(self) -> u8 {
        match self {
            Self::Legacy | Self::Shadow => 0,
            Self::Percent(percent) => percent,
            Self::Kafka => 100,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy => f.write_str("legacy"),
            Self::Shadow => f.write_str("shadow"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Kafka => f.write_str("kafka"),
        }
    }
}

/// What is no stage.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no stage: write \"legacy\", \"shadow\", \"1%\" to \"99%\", or \"kafka\"")]
pub struct NoStage(String);

impl FromStr for Stage {
    type Err = NoStage;

    fn from_str(text: &str) -> Result<Self, NoStage> {
        match text {
            "legacy" => Ok(Self::Legacy),
            "shadow" => Ok(Self::Shadow),
            "kafka" => Ok(Self::Kafka),
            _ => text
                .strip_suffix('%')
                .and_then(|percent| percent.parse().ok())
                .filter(|percent| (1..=99).contains(percent))
                .map(Self::Percent)
                .ok_or_else(|| NoStage(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Stage {
    type Error = NoStage;

    fn try_from(text: String) -> Result<Self, NoStage> {
        text.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage() -> impl Strategy<Value = Stage> {
        prop_oneof![
            Just(Stage::Legacy),
            Just(Stage::Shadow),
            (1..=99u8).prop_map(Stage::Percent),
            Just(Stage::Kafka),
        ]
    }

    proptest! {
        #[test]
        fn every_stage_is_read_as_it_is_written(stage in stage()) {
            prop_assert_eq!(stage.to_string().parse(), Ok(stage));
        }

        #[test]
        fn a_stage_that_is_further_has_no_fewer_keys_on_kafka(one in stage(), other in stage()) {
            if one < other {
                prop_assert!(one.percent() <= other.percent());
            }
        }

        #[test]
        fn any_text_is_a_stage_or_refused(text in ".*") {
            if let Ok(stage) = text.parse::<Stage>() {
                prop_assert!(stage.percent() <= 100);
            }
        }
    }

    #[test]
    fn neither_end_is_a_percentage() {
        for text in ["0%", "100%", "%", "-1%", "1.5%", "10"] {
            assert!(text.parse::<Stage>().is_err(), "{text}");
        }
    }
}
