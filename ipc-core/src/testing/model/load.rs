//! Callers, each with keys of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::history::{End, Kind, Operation, Retries, What};
use super::trial::{Perform, SERVICE};
use super::world::World;
use crate::client::Client;
use crate::envelope::{Envelope, Headers};
use crate::transport::{Outgoing, Transport};

/// How long a caller does nothing between two operations.
const PAUSE: Duration = Duration::from_millis(300);
/// How long it waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long at most a caller waits that gives up.
const GIVES_UP: Duration = Duration::from_secs(1);
/// How long at most a handler works that nobody may wait for.
const TAKES: Duration = Duration::from_secs(2);
/// Keys of one caller.
const KEYS: u32 = 3;

pub(super) struct Caller {
    pub(super) number: u32,
    pub(super) client: Client,
    pub(super) perform: Perform,
    pub(super) world: World,
    /// Whether the service tries again what fails.
    pub(super) has_retries: bool,
    /// Whether it knows what comes again.
    pub(super) has_keys: bool,
}

impl Caller {
    pub(super) async fn run(self, operations: u32) {
        let mut earlier: Vec<Operation> = Vec::new();
        for _ in 0..operations {
            tokio::time::sleep(self.world.some_of(PAUSE)).await;
            let again = (!earlier.is_empty() && self.world.once_in(4))
                .then(|| earlier[self.world.below(earlier.len() as u32) as usize].clone());
            let next = |number| again.unwrap_or_else(|| self.new_operation(number));
            if !self.world.takes_operation() {
                // The dice fall for it, so that what follows stays as it is.
                next(0);
                continue;
            }
            let (number, operation) = self.world.add(next);
            self.world.note(What::Invoked { operation: number });
            let service = self.client.service(SERVICE);
            let end = (self.perform)(service, operation.clone());
            let end = match operation.gives_up {
                Some(after) => timeout(after, end).await.unwrap_or(End::GaveUp),
                None => end.await,
            };
            self.world.note(What::Ended {
                operation: number,
                end,
            });
            if operation.keyed {
                earlier.push(operation);
            }
        }
    }

    fn new_operation(&self, work: u32) -> Operation {
        let kind = match self.world.once_in(2) {
            true => Kind::Call,
            false => Kind::OneWay,
        };
        let keyed = self.world.once_in(2) && self.has_keys;
        let may_give_up = kind == Kind::Call && self.world.once_in(5);
        let retries = match kind == Kind::OneWay && self.has_retries && self.world.once_in(3) {
            true => Some(self.retries(keyed)),
            false => None,
        };
        Operation {
            kind,
            key: self.number * KEYS + self.world.below(KEYS),
            work,
            keyed,
            timeout: TIMEOUT,
            gives_up: may_give_up.then(|| self.world.some_of(GIVES_UP)),
            takes: match may_give_up {
                true => self.world.some_of(TAKES),
                false => Duration::ZERO,
            },
            retries,
        }
    }

    /// What has a key is known again only where its lane is.
    fn retries(&self, keyed: bool) -> Retries {
        Retries {
            in_topics: !keyed && self.world.once_in(2),
            fails: self.world.below(Retries::ATTEMPTS + 1),
        }
    }
}

/// Writes records that nobody can read among the requests.
pub(super) async fn poison(
    transport: Arc<dyn Transport>,
    world: World,
    topic: Arc<str>,
    records: u32,
) {
    for _ in 0..records {
        tokio::time::sleep(world.some_of(10 * PAUSE)).await;
        let garbage = Outgoing {
            topic: Arc::clone(&topic),
            partition: None,
            envelope: Envelope {
                headers: Headers::new(),
                key: None,
                payload: Some(Bytes::from_static(b"\xff\x00 no request")),
            },
        };
        let receipt = transport.append(&garbage);
        if let Ok(placed) = receipt.await {
            world.note(What::Poisoned {
                partition: placed.partition,
                offset: placed.offset,
            });
        }
    }
}
