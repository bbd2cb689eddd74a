//! What stands in the topic that instances agree through.
//!
//! A key is `<kind>/<fleet>/<name>`, and a value is JSON:
//!
//! | kind | name | value |
//! |---|---|---|
//! | `position` | a route's | where it stands: [`Decided`] |
//! | `counts` | an instance's | what it has counted of each route: [`Told`]; null once it has ended |
//! | `command` | a route's | what somebody wants of it: [`Wanted`] |
//! | `reported` | a route's | the generation up to which the webhook was told |

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use ipc_core::envelope::{Envelope, Headers};
use serde::{Deserialize, Serialize};

use super::{Counts, Position, Stage};

/// One record of the topic.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// A route goes where this says.
    Position {
        /// Which route.
        route: String,
        /// Where it goes.
        decided: Decided,
    },
    /// An instance tells what it has counted; `None` once it has ended.
    Counts {
        /// Which instance.
        instance: String,
        /// What it has counted.
        told: Option<Told>,
    },
    /// Somebody wants something of a route.
    Command {
        /// Which route.
        route: String,
        /// What.
        wanted: Wanted,
    },
    /// The webhook was told of a route's steps.
    Reported {
        /// Which route.
        route: String,
        /// Up to which generation.
        generation: u64,
    },
}

/// Where a route goes, and which command is obeyed with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Where it goes.
    #[serde(flatten)]
    pub position: Position,
    /// The offset before which every command is obeyed.
    #[serde(default)]
    pub commands: i64,
}

/// What an instance has counted of each route, and at which generation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// By the routes' names.
    pub routes: BTreeMap<String, CountedAt>,
}

/// What was counted since a route reached its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CountedAt {
    /// The position's generation.
    pub generation: u64,
    /// What was counted there.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What somebody wants of a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub command: Command,
    /// Who, and why.
    #[serde(default)]
    pub by: String,
}

/// What can be wanted of a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// It goes on to the next step, or to this stage, and is not held any more.
    Promote(Option<Stage>),
    /// It goes back to where it began, or to this stage, and is held there.
    Rollback(Option<Stage>),
    /// It does not go on by itself any more. It still goes back.
    Pause,
    /// It goes on by itself again.
    Resume,
}

impl Record {
    /// Reads a record of `fleet`; `None` for those of others, and for what cannot be
    /// read.
    #[must_use]
    pub fn parse(fleet: &str, envelope: &Envelope) -> Option<Self> {
        let key = std::str::from_utf8(envelope.key.as_deref()?).ok()?;
        let (kind, rest) = key.split_once('/')?;
        let (of, name) = rest.split_once('/')?;
        if of != fleet {
            return None;
        }
        let (name, payload) = (name.to_owned(), envelope.payload.as_deref());
        Some(match kind {
            "position" => Self::Position {
                route: name,
                decided: serde_json::from_slice(payload?).ok()?,
            },
            "counts" => Self::Counts {
                instance: name,
                told: match payload {
                    Some(payload) => Some(serde_json::from_slice(payload).ok()?),
                    None => None,
                },
            },
            "command" => Self::Command {
                route: name,
                wanted: serde_json::from_slice(payload?).ok()?,
            },
            "reported" => Self::Reported {
                route: name,
                generation: serde_json::from_slice(payload?).ok()?,
            },
            _ => return None,
        })
    }

    /// Writes it for `fleet`.
    #[must_use]
    pub fn to_envelope(&self, fleet: &str) -> Envelope {
        // Strings, numbers and maps with strings as keys: serialising cannot fail.
        fn json(value: &impl Serialize) -> Option<Bytes> {
            Some(serde_json::to_vec(value).unwrap_or_default().into())
        }
        let (kind, name, payload) = match self {
            Self::Position { route, decided } => ("position", route, json(decided)),
            Self::Counts { instance, told } => ("counts", instance, told.as_ref().and_then(json)),
            Self::Command { route, wanted } => ("command", route, json(wanted)),
            Self::Reported { route, generation } => ("reported", route, json(generation)),
        };
        Envelope {
            headers: Headers::new(),
            key: Some(format!("{kind}/{fleet}/{name}").into()),
            payload,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promote(None) => f.write_str("promote"),
            Self::Promote(Some(stage)) => write!(f, "promote to {stage}"),
            Self::Rollback(None) => f.write_str("rollback"),
            Self::Rollback(Some(stage)) => write!(f, "rollback to {stage}"),
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::migration::Backlog;

    fn command() -> impl Strategy<Value = Command> {
        let stage = || prop::option::of((1..=99u8).prop_map(Stage::Percent));
        prop_oneof![
            stage().prop_map(Command::Promote),
            stage().prop_map(Command::Rollback),
            Just(Command::Pause),
            Just(Command::Resume),
        ]
    }

    fn record() -> impl Strategy<Value = Record> {
        let decided = (any::<u64>(), prop::option::of(".*"), ".*", any::<i64>()).prop_map(
            |(generation, held, why, commands)| Decided {
                position: Position {
                    generation,
                    stage: Stage::Kafka,
                    held,
                    since: generation,
                    why,
                    backlog: Some(Backlog {
                        service: "orders".to_owned(),
                        records: Some(generation),
                    }),
                },
                commands,
            },
        );
        let counted = (any::<u64>(), any::<u64>()).prop_map(|(generation, kafka)| CountedAt {
            generation,
            counts: Counts {
                kafka,
                ..Counts::default()
            },
        });
        let told =
            prop::collection::btree_map(".*", counted, 0..3).prop_map(|routes| Told { routes });
        prop_oneof![
            (".*", decided).prop_map(|(route, decided)| Record::Position { route, decided }),
            (".*", prop::option::of(told))
                .prop_map(|(instance, told)| Record::Counts { instance, told }),
            (".*", command(), ".*").prop_map(|(route, command, by)| Record::Command {
                route,
                wanted: Wanted { command, by },
            }),
            (".*", any::<u64>())
                .prop_map(|(route, generation)| Record::Reported { route, generation }),
        ]
    }

    proptest! {
        #[test]
        fn every_record_is_read_as_it_is_written_by_its_own_fleet_alone(record in record()) {
            let envelope = record.to_envelope("web");
            prop_assert_eq!(Record::parse("other", &envelope), None);
            prop_assert_eq!(Record::parse("web", &envelope), Some(record));
        }

        #[test]
        fn garbage_is_no_record(key in any::<Vec<u8>>(), payload in any::<Option<Vec<u8>>>()) {
            let envelope = Envelope {
                headers: Headers::new(),
                key: Some(key.into()),
                payload: payload.map(Bytes::from),
            };
            prop_assert_eq!(Record::parse("web", &envelope), None);
        }
    }
}
