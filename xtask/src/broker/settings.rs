/// How a node that is both broker and controller is reached.
pub(super) struct Addresses {
    /// Where it listens, by listener name.
    pub(super) listeners: String,
    /// What it tells clients to connect to, by listener name.
    pub(super) advertised: String,
    /// Security protocols of listeners by name, beyond those that every node has.
    pub(super) protocols: String,
    /// The name of the listener by which it reaches itself and other brokers.
    pub(super) inter_broker: &'static str,
}

/// A node's place in its cluster.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its place among the controllers.
    index: usize,
    /// Host and port of each node's controller listener.
    controllers: Vec<String>,
}

impl Place {
    /// That of the only node.
    pub(super) fn alone(controller: String) -> Self {
        Self {
            index: 0,
            controllers: vec![controller],
        }
    }

    /// That of each node, where these are the controller listeners.
    pub(super) fn each(controllers: &[String]) -> impl Iterator<Item = Self> {
        (0..controllers.len()).map(|index| Self {
            index,
            controllers: controllers.to_vec(),
        })
    }

    pub(super) fn is_alone(&self) -> bool {
        self.controllers.len() == 1
    }

    /// Host and port of this node's controller listener.
    pub(super) fn controller(&self) -> &str {
        &self.controllers[self.index]
    }

    fn node_id(&self) -> String {
        (self.index + 1).to_string()
    }

    fn voters(&self) -> String {
        let nodes = self.controllers.iter().zip(1..);
        let voters: Vec<_> = nodes.map(|(at, node)| format!("{node}@{at}")).collect();
        voters.join(",")
    }
}

/// The settings of such a node, by the names that Kafka's `server.properties` has for them.
///
/// Three replicas of everything where there are as many brokers, of which two must have a record, else as many
/// as there are. Few internal partitions and no wait before a group's first rebalance make it quick to start;
/// topics are made by who needs them, never by a misspelt name.
pub(super) fn settings(place: &Place, addresses: Addresses) -> Vec<(&'static str, String)> {
    let replicas = place.controllers.len().min(3);
    let in_sync = replicas.saturating_sub(1).max(1);
    let (replicas, in_sync) = (replicas.to_string(), in_sync.to_string());
    let mut settings = vec![
        ("node.id", place.node_id()),
        ("listeners", addresses.listeners),
        ("advertised.listeners", addresses.advertised),
        (
            "inter.broker.listener.name",
            addresses.inter_broker.to_owned(),
        ),
        ("controller.quorum.voters", place.voters()),
        (
            "listener.security.protocol.map",
            format!(
                "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT{}",
                addresses.protocols
            ),
        ),
        ("default.replication.factor", replicas.clone()),
        ("min.insync.replicas", in_sync.clone()),
        ("offsets.topic.replication.factor", replicas.clone()),
        ("transaction.state.log.replication.factor", replicas.clone()),
        ("transaction.state.log.min.isr", in_sync.clone()),
        ("share.coordinator.state.topic.replication.factor", replicas),
        ("share.coordinator.state.topic.min.isr", in_sync),
    ];
    let fixed = [
        ("process.roles", "broker,controller"),
        ("controller.listener.names", "CONTROLLER"),
        ("offsets.topic.num.partitions", "3"),
        ("transaction.state.log.num.partitions", "3"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("auto.create.topics.enable", "false"),
        // others take over within seconds from one that is gone, or that stands still
        ("broker.heartbeat.interval.ms", "1000"),
        ("broker.session.timeout.ms", "6000"),
        ("replica.lag.time.max.ms", "8000"),
    ];
    settings.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(nodes: u16, name: &str) -> String {
        let controllers: Vec<_> = (1..=nodes).map(|port| format!("host:{port}")).collect();
        let place = Place::each(&controllers).last().expect("there is a node");
        let addresses = Addresses {
            listeners: String::new(),
            advertised: String::new(),
            protocols: String::new(),
            inter_broker: "PLAINTEXT",
        };
        let all = settings(&place, addresses);
        let found = all.into_iter().find(|(known, _)| *known == name);
        found.expect("the setting is there").1
    }

    #[test]
    fn one_node_keeps_one_replica() {
        assert_eq!(setting(1, "default.replication.factor"), "1");
        assert_eq!(setting(1, "min.insync.replicas"), "1");
        assert_eq!(setting(1, "controller.quorum.voters"), "1@host:1");
    }

    #[test]
    fn three_nodes_keep_three_replicas_and_vote() {
        assert_eq!(setting(3, "default.replication.factor"), "3");
        assert_eq!(setting(3, "min.insync.replicas"), "2");
        assert_eq!(setting(3, "node.id"), "3");
        let voters = setting(3, "controller.quorum.voters");
        assert_eq!(voters, "1@host:1,2@host:2,3@host:3");
    }

    #[test]
    fn more_nodes_keep_no_more_replicas() {
        assert_eq!(setting(5, "offsets.topic.replication.factor"), "3");
    }
}
