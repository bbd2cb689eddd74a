//! Other frameworks as callers and as services, by dumps of their own records.

mod answering;
mod calling;
#[path = "../../../ipc-core/tests/envelope/dump.rs"]
#[expect(dead_code, reason = "the envelope's own tests use the rest")]
mod dump;

use anyhow::{Context, Result};
use harness::{Raw, Written};
use ipc_core::envelope::{Dialect, Envelope};

use self::dump::Case;

/// One framework: the headers by which its requester and its replier know each other, read here by hand.
struct Peer {
    name: &'static str,
    dialect: Dialect,
    dump: &'static str,
    id: &'static str,
    topic: &'static str,
    partition: Option<Partition>,
}

/// The header of a reply partition.
#[derive(Clone, Copy)]
struct Partition {
    name: &'static str,
    is_text: bool,
}

const SPRING: Peer = Peer {
    name: "spring",
    dialect: Dialect::Native,
    dump: include_str!("../../../ipc-core/tests/golden/spring.txt"),
    id: "kafka_correlationId",
    topic: "kafka_replyTopic",
    partition: Some(Partition {
        name: "kafka_replyPartition",
        is_text: false,
    }),
};

const NESTJS: Peer = Peer {
    name: "nestjs",
    dialect: Dialect::NestJs,
    dump: include_str!("../../../ipc-core/tests/golden/nestjs.txt"),
    partition: Some(Partition {
        name: "kafka_replyPartition",
        is_text: true,
    }),
    ..SPRING
};

const SMALLRYE: Peer = Peer {
    name: "smallrye",
    dialect: Dialect::SmallRye,
    dump: include_str!("../../../ipc-core/tests/golden/smallrye.txt"),
    id: "REPLY_CORRELATION_ID",
    topic: "REPLY_TOPIC",
    partition: Some(Partition {
        name: "REPLY_PARTITION",
        is_text: false,
    }),
};

const FASTSTREAM: Peer = Peer {
    name: "faststream",
    dialect: Dialect::FastStream,
    dump: include_str!("../../../ipc-core/tests/golden/faststream.txt"),
    id: "correlation_id",
    topic: "reply_to",
    partition: None,
};

/// NestJS's mark of the last reply, and its error.
const DISPOSED: &str = "kafka_nest-is-disposed";
const NEST_ERR: &str = "kafka_nest-err";

/// Who waits for a reply, and where.
struct Address {
    id: Vec<u8>,
    topic: String,
    partition: Option<i32>,
}

impl Peer {
    fn cases(&self) -> Vec<Case> {
        dump::parse(self.dump)
    }

    /// The headers in which it says who waits where.
    fn address_names(&self) -> Vec<&'static str> {
        let partition = self.partition.map(|partition| partition.name);
        [self.id, self.topic].into_iter().chain(partition).collect()
    }

    /// What a request says of its reply; `None` for an event.
    fn address(&self, request: &Raw) -> Result<Option<Address>> {
        let value = |name: &str| {
            let found = request.headers.iter().find(|(known, _)| known == name);
            found.and_then(|(_, value)| value.clone())
        };
        let Some(topic) = value(self.topic) else {
            return Ok(None);
        };
        let partition = self.partition.and_then(|partition| {
            let value = value(partition.name)?;
            Some(partition.read(value))
        });
        Ok(Some(Address {
            id: value(self.id).context("no correlation id")?,
            topic: String::from_utf8(topic)?,
            partition: partition.transpose()?,
        }))
    }
}

impl Partition {
    fn read(self, value: Vec<u8>) -> Result<i32> {
        if self.is_text {
            return Ok(String::from_utf8(value)?.parse()?);
        }
        let four = <[u8; 4]>::try_from(value).ok().context("not four bytes")?;
        Ok(i32::from_be_bytes(four))
    }
}

/// A dumped record, byte for byte.
fn raw(envelope: &Envelope) -> Raw {
    let headers = envelope.headers.iter();
    Raw {
        partition: None,
        key: envelope.key.as_deref().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| {
                let value = header.value.as_deref().map(<[u8]>::to_vec);
                (header.name.to_string(), value)
            })
            .collect(),
        payload: envelope.payload.as_deref().map(<[u8]>::to_vec),
    }
}

/// A record that was read, as one to be looked at like those of a dump.
fn reread(written: &Written) -> Raw {
    Raw {
        partition: Some(written.partition),
        key: written.key.clone(),
        headers: written
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect(),
        payload: (!written.is_null).then(|| written.payload.clone()),
    }
}
