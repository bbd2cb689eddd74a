/// How a single node that is both broker and controller is reached.
pub(super) struct Addresses {
    /// Where it listens, by listener name.
    pub(super) listeners: String,
    /// What it tells clients to connect to, by listener name.
    pub(super) advertised: String,
    /// Security protocols of listeners by name, beyond those that every node has.
    pub(super) protocols: String,
    /// The name of the listener by which it reaches itself.
    pub(super) inter_broker: &'static str,
    /// Host and port of its controller listener.
    pub(super) controller: String,
}

/// The settings of such a node, by the names that Kafka's `server.properties` has for them.
///
/// One replica of everything, few internal partitions and no wait before a group's first rebalance make it
/// quick to start; topics are made by who needs them, never by a misspelt name.
pub(super) fn settings(addresses: Addresses) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("listeners", addresses.listeners),
        ("advertised.listeners", addresses.advertised),
        (
            "inter.broker.listener.name",
            addresses.inter_broker.to_owned(),
        ),
        (
            "controller.quorum.voters",
            format!("1@{}", addresses.controller),
        ),
        (
            "listener.security.protocol.map",
            format!(
                "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT{}",
                addresses.protocols
            ),
        ),
    ];
    let fixed = [
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("controller.listener.names", "CONTROLLER"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "3"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "3"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("auto.create.topics.enable", "false"),
    ];
    settings.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    settings
}
