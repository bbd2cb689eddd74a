use anyhow::Result;

use crate::port;

/// How a broker is reached beside its plain listener, and by whom.
///
/// The plain listener stays as it is: whoever connects there is `User:ANONYMOUS`.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Further listeners, each on a port of its own.
    pub listeners: Vec<Listener>,
    /// Who may authenticate with SASL SCRAM, by whichever of its mechanisms.
    pub scram: Vec<ScramUser>,
    /// Further settings, by their names in `server.properties`.
    pub settings: Vec<(String, String)>,
}

/// A listener for clients.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name, in capitals.
    pub name: &'static str,
    /// `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub protocol: &'static str,
}

/// A user of SASL SCRAM.
#[derive(Clone, Debug)]
pub struct ScramUser {
    /// The user's name.
    pub name: String,
    /// The user's password.
    pub password: String,
}

/// The mechanisms of SASL SCRAM that Kafka knows.
pub(super) const SCRAM: [&str; 2] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];

impl Access {
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.scram.is_empty() && self.settings.is_empty()
    }

    /// The settings, with each value in one line whatever is in it, as a file of Java properties has it.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&str, String)> {
        self.settings
            .iter()
            .map(|(name, value)| (name.as_str(), escaped(value)))
    }
}

/// The further listeners of one broker with their ports.
#[derive(Debug)]
pub(super) struct Ports(Vec<(Listener, u16)>);

impl Ports {
    /// Finds a port for each listener.
    pub(super) fn free(access: &Access) -> Result<Self> {
        let listeners = access.listeners.iter().cloned();
        let with_port = |listener| Ok((listener, port::free()?));
        Ok(Self(listeners.map(with_port).collect::<Result<_>>()?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|(_, port)| *port)
    }

    /// What a client of the listener connects to.
    pub(super) fn address(&self, listener: &str) -> Option<String> {
        let (_, port) = self.0.iter().find(|(known, _)| known.name == listener)?;
        Some(format!("127.0.0.1:{port}"))
    }

    /// Each listener on `host`, as further items of a list.
    pub(super) fn on(&self, host: &str) -> String {
        let each = self.0.iter();
        each.map(|(listener, port)| format!(",{}://{host}:{port}", listener.name))
            .collect()
    }

    /// The protocol of each listener, as further items of a list.
    pub(super) fn protocols(&self) -> String {
        let each = self.0.iter();
        each.map(|(listener, _)| format!(",{}:{}", listener.name, listener.protocol))
            .collect()
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n")
}
