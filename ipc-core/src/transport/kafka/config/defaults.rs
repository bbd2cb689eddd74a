//! The settings of request/reply, where librdkafka's own cost latency or promises.

use rdkafka::ClientConfig;

/// What a librdkafka client is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::transport::kafka) enum Role {
    Producer,
    /// A producer that commits transactions.
    Transactions,
    Group,
    Reader,
    Admin,
}

type Table = &'static [(&'static str, &'static str)];

const SHARED: Table = &[
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "5000"),
    ("reconnect.backoff.ms", "20"),
    ("reconnect.backoff.max.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("allow.auto.create.topics", "false"),
];

const PRODUCER: Table = &[
    ("linger.ms", "0"),
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // As the Java client: one key has one partition for every caller.
    ("partitioner", "murmur2_random"),
    ("message.timeout.ms", "30000"),
    // A topic that does not exist is told well before the record times out, whose
    // fate would be unknown then.
    ("topic.metadata.propagation.max.ms", "5000"),
    ("queue.buffering.max.messages", "100000"),
];

const TRANSACTIONS: Table = &[
    // How long what a dead instance left open holds up its successor, and everybody
    // who reads committed records only.
    ("transaction.timeout.ms", "10000"),
    // Librdkafka refuses one longer than that.
    ("socket.timeout.ms", "5000"),
    // All records of a transaction are handed over at once.
    ("linger.ms", "1"),
];

const CONSUMER: Table = &[
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "5"),
    // Offsets are stored by dispatch, after the work.
    ("enable.auto.offset.store", "false"),
];

const GROUP: Table = &[
    ("enable.auto.commit", "true"),
    ("auto.commit.interval.ms", "1000"),
    ("auto.offset.reset", "earliest"),
    ("max.poll.interval.ms", "60000"),
    // A request from a transaction that was aborted was never made.
    ("isolation.level", "read_committed"),
];

/// What the broker decides under KIP-848, and refuses to be told.
const CLASSIC_GROUP: Table = &[
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "250"),
];

/// A reader's own business: it commits nothing and starts where it was told to.
const READER: Table = &[
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "earliest"),
    // One hung transaction must not hold up everybody's replies.
    ("isolation.level", "read_uncommitted"),
];

/// Second names of properties that are set or looked at here. Librdkafka knows
/// both and lets the one that is set last win, which a map cannot say.
const ALIASES: Table = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("request.required.acks", "acks"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
];

/// The name under which a property is kept here.
pub(super) fn canonical(property: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == property)
        .map_or(property, |(_, name)| name)
}

/// Our settings for a client; the caller's own go over them.
pub(super) fn defaults(role: Role, group_protocol: Option<&str>) -> ClientConfig {
    let classic = group_protocol.is_none_or(|name| name.eq_ignore_ascii_case("classic"));
    let tables: &[Table] = match role {
        Role::Producer => &[SHARED, PRODUCER],
        Role::Transactions => &[SHARED, PRODUCER, TRANSACTIONS],
        Role::Group if classic => &[SHARED, CONSUMER, GROUP, CLASSIC_GROUP],
        Role::Group => &[SHARED, CONSUMER, GROUP],
        Role::Reader => &[SHARED, CONSUMER],
        Role::Admin => &[SHARED],
    };
    filled(tables)
}

/// What a role insists on.
pub(super) fn fixed(role: Role) -> Table {
    match role {
        Role::Reader => READER,
        Role::Producer | Role::Transactions | Role::Group | Role::Admin => &[],
    }
}

fn filled(tables: &[Table]) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (property, value) in tables.iter().copied().flatten() {
        client.set(*property, *value);
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafka_takes_every_default() {
        for role in [
            Role::Producer,
            Role::Transactions,
            Role::Group,
            Role::Reader,
            Role::Admin,
        ] {
            let native = defaults(role, None).create_native_config();
            assert!(native.is_ok(), "{role:?}: {:?}", native.err());
        }
    }

    #[test]
    fn every_alias_is_one_for_librdkafka_too() {
        for (alias, name) in ALIASES {
            // A value that all of them take and none has by default.
            let value = "1";
            let mut client = ClientConfig::new();
            client.set(*alias, value);
            let native = client.create_native_config().unwrap();
            assert_eq!(native.get(name).unwrap(), native.get(alias).unwrap());
            assert_eq!(native.get(name).unwrap(), value, "{alias} and {name}");
        }
    }
}
