//! Where a message is now.

use std::fmt;
use std::sync::Arc;

use super::{Step, What};
use crate::envelope::UnixMillis;
use crate::redrive::{Place, State};

/// Where a message is now, as far as the log says it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Whereabouts {
    /// No record tells of it.
    Unknown,
    /// Its service has not finished it: it waits, or is being handled.
    Underway {
        /// The topic its last request is in.
        topic: Arc<str>,
        /// Where in the topic.
        place: Place,
        /// How many offsets before it are not finished either, where that is known.
        behind: Option<i64>,
    },
    /// It is put aside with its key, until it has been handled.
    Parked {
        /// The topic it stands in.
        topic: Arc<str>,
        /// Where in the topic.
        place: Place,
        /// Which attempt it waits for.
        attempt: u32,
        /// When that is due.
        due: UnixMillis,
    },
    /// It is being answered: an answer has begun, and its end is not there.
    Answering,
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// Its service has finished it, and no answer to it is there: none was asked for,
    /// or its topic no longer keeps it.
    Finished,
    /// It lies in the dead-letter topic.
    DeadLettered {
        /// Where.
        letter: Place,
        /// What was decided for it.
        state: State,
    },
}

/// How far the service is with the partition of a request.
pub(super) type Committed<'a> = &'a dyn Fn(&str, Place) -> Option<i64>;

/// Reads the steps, which are in the order of time.
pub(super) fn find(steps: &[Step], committed: Committed<'_>) -> Whereabouts {
    let request = steps
        .iter()
        .rfind(|step| matches!(step.what, What::Request { .. }));
    if let Some(found) = dead_letter(steps, request) {
        return found;
    }
    if let Some(found) = parked(steps, request) {
        return found;
    }
    let Some(request) = request else {
        return reply(steps).unwrap_or(Whereabouts::Unknown);
    };
    if let Some(found) = reply(steps) {
        return found;
    }
    let next = committed(&request.topic, request.place);
    match next {
        Some(next) if next > request.place.offset => Whereabouts::Finished,
        next => Whereabouts::Underway {
            topic: Arc::clone(&request.topic),
            place: request.place,
            behind: next.map(|next| request.place.offset - next),
        },
    }
}

/// The letter of the last request; the last one, where the request is gone.
fn dead_letter(steps: &[Step], request: Option<&Step>) -> Option<Whereabouts> {
    let is_of = |original: &Option<(String, Place)>| {
        let Some(request) = request else {
            return true;
        };
        let place = original
            .as_ref()
            .map(|(topic, place)| (topic.as_str(), *place));
        place == Some((&*request.topic, request.place))
    };
    let letter = steps
        .iter()
        .rfind(|step| matches!(&step.what, What::DeadLetter { original, .. } if is_of(original)))?;
    let state = steps.iter().rev().find_map(|step| match step.what {
        What::Settled { letter: of, state } if of == letter.place => Some(state),
        _ => None,
    });
    Some(Whereabouts::DeadLettered {
        letter: letter.place,
        state: state.unwrap_or_default(),
    })
}

/// Where the last request is parked, or that it was; the last one that was, where the
/// request is gone.
fn parked(steps: &[Step], request: Option<&Step>) -> Option<Whereabouts> {
    let is_of = |(topic, place): &(String, Place)| {
        request.is_none_or(|request| (&*request.topic, request.place) == (topic, *place))
    };
    let entries = steps
        .iter()
        .filter(|step| matches!(&step.what, What::Parked { original, .. } if is_of(original)));
    let mut last = None;
    for step in entries {
        let end = steps.iter().rev().find_map(|end| match end.what {
            What::Unparked { settled, .. } if end.entry() == step.entry() => Some(settled),
            _ => None,
        });
        match end {
            Some(true) => return Some(Whereabouts::Finished),
            Some(false) => {}
            None => last = Some(step),
        }
    }
    let step = last?;
    match step.what {
        What::Parked { attempt, due, .. } => Some(Whereabouts::Parked {
            topic: Arc::clone(&step.topic),
            place: step.place,
            attempt,
            due,
        }),
        _ => None,
    }
}

fn reply(steps: &[Step]) -> Option<Whereabouts> {
    steps.iter().rev().find_map(|step| match step.what {
        What::Reply {
            status, end: true, ..
        } => Some(Whereabouts::Answered { status }),
        What::Reply { end: false, .. } => Some(Whereabouts::Answering),
        _ => None,
    })
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no record tells of it"),
            Self::Underway {
                topic,
                place,
                behind,
            } => {
                write!(f, "waits at {place} of {topic}, or is being handled")?;
                match behind {
                    Some(0) => f.write_str("; nothing is before it"),
                    Some(behind) => write!(f, "; {behind} offsets are before it"),
                    None => f.write_str("; its service has never committed there"),
                }
            }
            Self::Parked {
                topic,
                place,
                attempt,
                ..
            } => write!(
                f,
                "parked with its key at {place} of {topic}, before attempt {attempt}"
            ),
            Self::Answering => f.write_str("is being answered"),
            Self::Answered { status } => write!(f, "answered with {status}"),
            Self::Finished => f.write_str("finished by its service"),
            Self::DeadLettered { letter, state } => {
                write!(f, "lies in the dead-letter topic at {letter}, {state}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::UnixMillis;

    fn place(offset: i64) -> Place {
        let partition = 2;
        Place { partition, offset }
    }

    fn step(at: u64, topic: &str, offset: i64, what: What) -> Step {
        Step {
            at: Some(UnixMillis(at)),
            topic: topic.into(),
            place: place(offset),
            what,
        }
    }

    fn request(at: u64, offset: i64) -> Step {
        let what = What::Request {
            method: None,
            path: None,
            chunk: None,
            is_call: false,
            replays: 0,
        };
        step(at, "orders.requests", offset, what)
    }

    fn letter(at: u64, of: i64, offset: i64) -> Step {
        let what = What::DeadLetter {
            reason: "panic".to_owned(),
            original: Some(("orders.requests".to_owned(), place(of))),
        };
        step(at, "orders.dlq", offset, what)
    }

    fn settled(at: u64, of: i64, state: State) -> Step {
        let letter = place(of);
        step(at, "orders.dlq", of + 1, What::Settled { letter, state })
    }

    fn parked(at: u64, fence: i64, of: i64) -> Step {
        let what = What::Parked {
            entry: format!("{of}/{fence}"),
            original: ("orders.requests".to_owned(), place(of)),
            attempt: 2,
            due: UnixMillis(90),
        };
        step(at, "orders.parked", fence + 1, what)
    }

    fn unparked(at: u64, fence: i64, of: i64, settled: bool) -> Step {
        let entry = format!("{of}/{fence}");
        step(at, "orders.parked", 50, What::Unparked { entry, settled })
    }

    fn reply(at: u64, end: bool) -> Step {
        let what = What::Reply {
            status: 201,
            seq: None,
            chunk: None,
            end,
        };
        step(at, "web.replies", 0, what)
    }

    #[test]
    fn a_parked_record_is_where_its_last_owner_wrote_it_until_it_is_done_with() {
        let at = |offset| Whereabouts::Parked {
            topic: "orders.parked".into(),
            place: place(offset),
            attempt: 2,
            due: UnixMillis(90),
        };
        let first = vec![request(1, 7), parked(2, 0, 7)];
        let with = |more: &[Step]| [&*first, more].concat();
        let taken_over = with(&[parked(3, 10, 7), unparked(4, 0, 7, false)]);
        let rows = [
            (first.clone(), at(1)),
            (vec![parked(2, 0, 7)], at(1)),
            (taken_over.clone(), at(11)),
            (
                [taken_over, vec![unparked(5, 10, 7, true)]].concat(),
                Whereabouts::Finished,
            ),
            (
                with(&[letter(3, 7, 40)]),
                Whereabouts::DeadLettered {
                    letter: place(40),
                    state: State::Open,
                },
            ),
            // Sent back, and not parked since.
            (
                with(&[unparked(3, 0, 7, true), request(4, 8)]),
                Whereabouts::Finished,
            ),
        ];
        for (steps, expected) in rows {
            assert_eq!(find(&steps, &|_, _| Some(9)), expected, "{steps:?}");
        }
    }

    #[test]
    fn the_last_thing_that_happened_says_where_it_is() {
        let underway = |behind| Whereabouts::Underway {
            topic: "orders.requests".into(),
            place: place(7),
            behind,
        };
        let lies = |state| Whereabouts::DeadLettered {
            letter: place(40),
            state,
        };
        let open = vec![request(1, 7), letter(2, 7, 40)];
        let with = |step| [open.clone(), vec![step]].concat();
        let rows = [
            (vec![], None, Whereabouts::Unknown),
            (vec![request(1, 7)], None, underway(None)),
            (vec![request(1, 7)], Some(7), underway(Some(0))),
            (vec![request(1, 7)], Some(3), underway(Some(4))),
            (vec![request(1, 7)], Some(8), Whereabouts::Finished),
            (
                vec![request(1, 7), reply(2, false)],
                Some(8),
                Whereabouts::Answering,
            ),
            (
                vec![request(1, 7), reply(2, false), reply(3, true)],
                Some(7),
                Whereabouts::Answered { status: 201 },
            ),
            (open.clone(), Some(8), lies(State::Open)),
            (
                with(settled(3, 40, State::Dropped)),
                Some(8),
                lies(State::Dropped),
            ),
            (
                with(settled(3, 41, State::Dropped)),
                Some(8),
                lies(State::Open),
            ),
            (vec![letter(2, 7, 40)], None, lies(State::Open)),
            (with(request(3, 9)), Some(10), Whereabouts::Finished),
            (
                [with(request(3, 9)), vec![letter(4, 9, 40)]].concat(),
                Some(10),
                lies(State::Open),
            ),
        ];
        for (steps, next, expected) in rows {
            assert_eq!(find(&steps, &|_, _| next), expected, "{steps:?}");
        }
    }
}
