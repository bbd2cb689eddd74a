//! What happened in a trial.

use std::fmt;
use std::time::Duration;

use crate::client::CallError;

/// Everything that happened in a trial, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// What decided over it.
    pub seed: u64,
    /// Whether nothing at all went wrong: then more must hold.
    pub calm: bool,
    /// Whether keyed work is done unclaimed while the dedup store does not answer.
    pub fails_open: bool,
    /// Whether the dedup store is in the log, where the owner of a partition is the
    /// owner of every claim in it.
    pub store_in_log: bool,
    /// Whether handlers write outputs, exactly once.
    pub exactly_once: bool,
    /// What was asked for, by number.
    pub operations: Vec<Operation>,
    /// How often something went wrong.
    pub faults: u32,
    /// What happened.
    pub events: Vec<Event>,
    /// Records of request topics that nobody had finished in the end.
    pub lag: u64,
}

/// One thing that a caller asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// Call or one-way.
    pub kind: Kind,
    /// The record key: what one caller sends under it keeps its order.
    pub key: u32,
    /// The work. Operations of the same work are repetitions of one request.
    pub work: u32,
    /// Whether it has an idempotency key. Without one it is never repeated.
    pub keyed: bool,
    /// How long its caller waits.
    pub timeout: Duration,
    /// After how long its caller gives up, though there is time left. Only calls.
    pub gives_up: Option<Duration>,
    /// How long its handler works.
    pub takes: Duration,
    /// How its handler fails at first. Only one-ways, and only those of a trial that
    /// brings its own service.
    pub retries: Option<Retries>,
}

/// What is tried more than once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retries {
    /// Whether it waits in a retry topic, and else in its lane, parked or not.
    pub in_topics: bool,
    /// How many attempts fail.
    pub fails: u32,
}

impl Retries {
    /// How many attempts there are.
    pub const ATTEMPTS: u32 = 3;

    /// Whether no attempt succeeds.
    #[must_use]
    pub fn all_fail(self) -> bool {
        self.fails >= Self::ATTEMPTS
    }
}

impl Operation {
    /// Whether its key is parked when it fails.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        let in_lane = self.retries.is_some_and(|retries| !retries.in_topics);
        in_lane && self.key.is_multiple_of(2)
    }

    /// The idempotency key of its work, where it has one.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<String> {
        self.keyed.then(|| format!("work {}", self.work))
    }
}

/// How an operation is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// With a reply.
    Call,
    /// By the log's acknowledgement.
    OneWay,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When, since the beginning.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What {
    /// A caller begins an operation.
    Invoked {
        /// The operation.
        operation: u32,
    },
    /// It ends at its caller.
    Ended {
        /// The operation.
        operation: u32,
        /// How.
        end: End,
    },
    /// A handler begins.
    Began {
        /// The instance.
        instance: u32,
        /// The work.
        work: u32,
        /// The partition of the request.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// It has had its effect.
    Effect {
        /// The instance.
        instance: u32,
        /// The work.
        work: u32,
        /// The partition of the request.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// It has returned.
    Returned {
        /// The instance.
        instance: u32,
        /// The work.
        work: u32,
    },
    /// It has failed, before any effect.
    Failed {
        /// The instance.
        instance: u32,
        /// The work.
        work: u32,
        /// Which attempt that was, from 1 on.
        attempt: u32,
    },
    /// The log has taken a record that nobody can read.
    Poisoned {
        /// The partition of the requests.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// A record was dead-lettered; found at the end.
    DeadLetter {
        /// The work it asked for, where it can be read.
        work: Option<u32>,
        /// Why it was given up.
        reason: String,
        /// The partition that it came from.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// What a handler wrote can be read; found at the end.
    Output {
        /// The partition of its request.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// A group committed that this offset is the next of a request partition.
    Committed {
        /// The partition.
        partition: i32,
        /// The next offset.
        offset: i64,
    },
    /// A work was claimed.
    Claimed {
        /// The instance.
        instance: u32,
        /// The work, where its key says so.
        work: Option<u32>,
    },
    /// The dedup store keeps the reply of a work.
    Stored {
        /// The instance that did it.
        instance: u32,
        /// The work, where its key says so.
        work: Option<u32>,
    },
    /// The dedup store did not answer somebody who would claim a work.
    Unclaimed {
        /// The work, where its key says so.
        work: Option<u32>,
    },
    /// The dedup store did not confirm, or not in time, that it keeps the reply of a
    /// work.
    Unstored {
        /// The work, where its key says so.
        work: Option<u32>,
    },
    /// The group has forgotten what it had committed and who its members were. They
    /// lose their partitions, and read them again from the beginning.
    Reset,
    /// The log does not answer for so long.
    LogAway {
        /// How long.
        time: Duration,
    },
    /// The dedup store does not answer for so long.
    StoreAway {
        /// How long.
        time: Duration,
    },
    /// The log or the dedup store did not do as it should.
    Fault {
        /// What, and where.
        what: String,
    },
    /// An instance begins to serve.
    Started {
        /// The instance.
        instance: u32,
    },
    /// An instance drains and ends.
    Stopped {
        /// The instance.
        instance: u32,
    },
    /// An instance dies.
    Died {
        /// The instance.
        instance: u32,
    },
    /// An instance is taken for dead, and goes on.
    Expelled {
        /// The instance.
        instance: u32,
    },
    /// Nothing goes wrong any more.
    Healed,
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum End {
    /// With the reply of a handler, for this work.
    Reply {
        /// What the reply says it is for.
        work: Option<u32>,
    },
    /// The log has it.
    Acknowledged,
    /// With an error status.
    Refused {
        /// The status.
        status: u16,
    },
    /// Its caller did not wait for it any longer.
    GaveUp,
    /// Nothing was sent.
    Rejected,
    /// It may or may not have been sent, or handled.
    Unknown,
}

impl End {
    /// How a call ended, whose reply says through `work` what it is for.
    pub fn of<T, E>(result: Result<T, CallError<E>>, work: impl FnOnce(T) -> u32) -> Self {
        match result {
            Ok(reply) => Self::Reply {
                work: Some(work(reply)),
            },
            Err(error) => Self::failed(&error),
        }
    }

    /// How a request ended that failed.
    pub fn failed<E>(error: &CallError<E>) -> Self {
        match error {
            CallError::Application(reply) => Self::Refused {
                status: reply.status(),
            },
            CallError::Rejected(_) => Self::Rejected,
            CallError::Unknown(_) => Self::Unknown,
            CallError::Undecodable(_) | CallError::Malformed(_) => Self::Reply { work: None },
        }
    }
}

/// One line for each event.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operations, faults) = (self.operations.len(), self.faults);
        writeln!(
            f,
            "seed {}: operations {operations}, faults {faults}",
            self.seed
        )?;
        for (number, operation) in self.operations.iter().enumerate() {
            writeln!(f, "operation {number}: {operation:?}")?;
        }
        for event in &self.events {
            writeln!(f, "{:>9.3} s  {:?}", event.at.as_secs_f64(), event.what)?;
        }
        write!(f, "unfinished records: {}", self.lag)
    }
}
