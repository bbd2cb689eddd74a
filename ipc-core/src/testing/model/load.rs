//! Callers, each with keys of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::history::{Kind, Operation, What};
use super::trial::{Perform, SERVICE};
use super::world::World;
use crate::client::Client;
use crate::envelope::{Envelope, Headers};
use crate::transport::{Ack, Outgoing, Transport};

/// How long a caller does nothing between two operations.
const PAUSE: Duration = Duration::from_millis(300);
/// How long it waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Keys of one caller.
const KEYS: u32 = 3;

pub(super) struct Caller {
    pub(super) number: u32,
    pub(super) client: Client,
    pub(super) perform: Perform,
    pub(super) world: World,
}

impl Caller {
    pub(super) async fn run(self, operations: u32) {
        let mut earlier: Vec<Operation> = Vec::new();
        for _ in 0..operations {
            tokio::time::sleep(self.world.some_of(PAUSE)).await;
            let again = (!earlier.is_empty() && self.world.once_in(4))
                .then(|| earlier[self.world.below(earlier.len() as u32) as usize].clone());
            let (number, operation) = self.world.add(|number| match again {
                Some(operation) => operation,
                None => self.new_operation(number),
            });
            self.world.note(What::Invoked { operation: number });
            let service = self.client.service(SERVICE);
            let end = (self.perform)(service, operation.clone()).await;
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
        Operation {
            kind,
            key: self.number * KEYS + self.world.below(KEYS),
            work,
            keyed: self.world.once_in(2),
            timeout: TIMEOUT,
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
        let (ack, receipt) = Ack::pair();
        transport.send(&garbage, ack);
        if let Ok(placed) = receipt.await {
            world.note(What::Poisoned {
                partition: placed.partition,
                offset: placed.offset,
            });
        }
    }
}
