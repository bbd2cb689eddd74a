//! What a running gateway serves, which can be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use arc_swap::{ArcSwap, ArcSwapOption};
use ipc_core::health::ConfigurationHealth;
use parking_lot::Mutex;

use super::connection::{Connections, Logging};
use crate::access_log::AccessLog;
use crate::config::{Config, RouteFault};
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::tls::Expiry;

/// Changes what a running gateway serves. Clones change the same.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    gateway: Gateway,
    connections: ArcSwap<Connections>,
    access_log: Logging,
    drain: Mutex<Drain>,
    /// What the gateway was started with.
    started: Config,
    metrics: Arc<Metrics>,
    health: ConfigurationHealth,
    /// One change after the other.
    changing: Mutex<()>,
}

/// How long a drain takes.
#[derive(Clone, Copy)]
pub(super) struct Drain {
    /// Before nothing more is accepted.
    pub(super) delay: Duration,
    /// From then on.
    pub(super) bound: Duration,
}

impl Drain {
    fn of(config: &Config) -> Self {
        Self {
            delay: config.drain_delay,
            bound: config.drain,
        }
    }
}

/// Why a configuration cannot be taken over. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// These settings need a restart.
    #[error("{} cannot be changed while it runs: restart it", .0.join(", "))]
    Restart(Vec<String>),
    /// Routes that cannot be served, each with its mend.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Routes(Vec<RouteFault>),
    /// The certificate that is to replace a good one has expired.
    #[error("certificate {} has expired: renew it", .0.display())]
    Expired(PathBuf),
    /// The access log cannot be written to.
    #[error("the access log cannot be opened: {0}: mend output in [access_log]")]
    AccessLog(String),
}

impl Live {
    pub(super) fn new(
        config: &Config,
        gateway: Gateway,
        metrics: Arc<Metrics>,
        health: ConfigurationHealth,
    ) -> io::Result<Self> {
        let access_log = Logging::new(ArcSwapOption::new(opened(config, &metrics)?));
        Ok(Self(Arc::new(Inner {
            gateway,
            connections: ArcSwap::from_pointee(Connections::new(config, &metrics, &access_log)),
            drain: Mutex::new(Drain::of(config)),
            started: config.clone(),
            metrics,
            health,
            changing: Mutex::new(()),
            access_log,
        })))
    }

    /// Serves `config` from now on, in one step: a request that has begun keeps
    /// what it began with. Takes as long as its routes are many; call it where that
    /// holds up nobody.
    ///
    /// # Errors
    ///
    /// Where a setting is changed that needs a restart (`listen`, `admin`, `fleet`,
    /// `topic_prefix`, `reply_partitions`, `[kafka]`, `[webhook]`, `[operations]`, whether any
    /// route answers later, whether there is a legacy server, whether there is `[tls]`, whether
    /// any route names a service, how a route moves: its `[routes.migration]`, methods, path,
    /// service, mode and key), or where a route cannot be served, the certificate has expired
    /// and the one in use has not, or the access log cannot be opened.
    pub fn change(&self, config: &Config) -> Result<(), Refused> {
        let this = &*self.0;
        let _one_at_a_time = this.changing.lock();
        let fixed = fixed(&this.started, config);
        if !fixed.is_empty() {
            return Err(Refused::Restart(fixed));
        }
        this.check_certificate(config, SystemTime::now())?;
        let access_log = opened(config, &this.metrics);
        let access_log = access_log.map_err(|error| Refused::AccessLog(error.to_string()))?;
        let changed = this.gateway.change(config, &this.metrics);
        changed.map_err(Refused::Routes)?;
        this.access_log.store(access_log);
        let connections = Connections::new(config, &this.metrics, &this.access_log);
        this.connections.store(Arc::new(connections));
        *this.drain.lock() = Drain::of(config);
        self.look_at_certificates();
        Ok(())
    }

    /// Counts a change, and tells of one that was refused until one is made.
    pub(crate) fn report(&self, refused: Option<String>) {
        self.0.metrics.changed(refused.is_none());
        self.0.health.refused(refused);
    }

    /// Says in the log that a certificate ends, where that is soon: the listener's, or the
    /// one that the legacy server is shown.
    pub(super) fn look_at_certificates(&self) {
        let now = SystemTime::now();
        if let Some(entrance) = self.connections().entrance() {
            entrance.warn(now);
        }
        self.0.gateway.look_at_certificate(now);
    }

    pub(super) fn gateway(&self) -> Gateway {
        self.0.gateway.clone()
    }

    pub(super) fn connections(&self) -> Arc<Connections> {
        self.0.connections.load_full()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(super) fn drain(&self) -> Drain {
        *self.0.drain.lock()
    }
}

impl Inner {
    /// Refuses a certificate that is worse than the one in use.
    fn check_certificate(&self, config: &Config, now: SystemTime) -> Result<(), Refused> {
        let used = self.connections.load();
        let (Some(tls), Some(used)) = (&config.tls, used.entrance()) else {
            return Ok(());
        };
        let server = &tls.server;
        if server.expiry(now) == Expiry::Over && used.expiry(now) != Expiry::Over {
            return Err(Refused::Expired(server.files().certificate.clone()));
        }
        Ok(())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// The access log that is configured, opened.
fn opened(config: &Config, metrics: &Metrics) -> io::Result<Option<Arc<AccessLog>>> {
    let settings = config.access_log.as_ref();
    let opened = settings
        .map(|settings| AccessLog::open(settings, fastrand::f64, metrics.access_log_dropped()));
    Ok(opened.transpose()?.map(Arc::new))
}

/// The settings that differ and are bound when the gateway starts.
fn fixed(started: &Config, config: &Config) -> Vec<String> {
    let differing = [
        ("listen", started.listen != config.listen),
        ("admin", started.admin != config.admin),
        ("fleet", started.fleet != config.fleet),
        ("topic_prefix", started.topic_prefix != config.topic_prefix),
        (
            "reply_partitions",
            started.reply_partitions != config.reply_partitions,
        ),
        ("[kafka]", started.kafka != config.kafka),
        ("[webhook]", started.webhook != config.webhook),
        ("[operations]", started.operations != config.operations),
        (
            "whether any route answers later",
            config.has_operations() && !started.has_operations(),
        ),
        (
            "whether there is a legacy server",
            started.legacy.is_some() != config.legacy.is_some(),
        ),
        (
            "whether there is [tls]",
            started.tls.is_some() != config.tls.is_some(),
        ),
        (
            "whether any route names a service",
            config.uses_kafka() && !started.uses_kafka(),
        ),
    ];
    let differing = differing.into_iter().filter(|(_, differs)| *differs);
    let settings = differing.map(|(setting, _)| setting.to_owned());
    settings.chain(moving_otherwise(started, config)).collect()
}

/// The routes that move in only one of both, or in another way. All gateways of the
/// fleet have agreed on where these stand, and go on agreeing.
fn moving_otherwise(started: &Config, config: &Config) -> Vec<String> {
    let (started, config) = (moving(started), moving(config));
    let names: BTreeSet<&String> = started.keys().chain(config.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| started.get(*name) != config.get(*name));
    differing
        .map(|name| format!("how route {name:?} moves"))
        .collect()
}

/// What of each route that moves decides where its requests are, by its name.
fn moving(config: &Config) -> BTreeMap<String, impl PartialEq + use<'_>> {
    let routes = config.routes.iter().filter_map(|route| {
        let decides = (&route.methods, &route.path, &route.target, &route.migration);
        Some((route.moving_name()?, decides))
    });
    routes.collect()
}
