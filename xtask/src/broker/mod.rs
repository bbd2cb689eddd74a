//! A real Apache Kafka for development and tests.
//!
//! One broker in KRaft mode, or several, fetched and started by whatever the machine offers (see [`Provider`]), with the
//! same settings everywhere and nothing left behind: it is stopped when its [`Broker`] is dropped. Where the
//! process that started it dies before, a native broker dies with it, and a container ends with its [`Session`].

mod access;
mod cluster;
mod container;
mod libraries;
mod metadata;
mod native;
mod provider;
mod session;
mod settings;

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;

use self::{container::ContainerBroker, native::NativeBroker};

pub use self::{
    access::{Access, Listener, ScramUser},
    cluster::Cluster,
    provider::Provider,
    session::Session,
};

/// The version of Apache Kafka that [`Provider::Container`] and [`Provider::Native`] run.
pub const KAFKA_VERSION: &str = "4.3.0";

/// A Kafka that answers, until it is stopped, killed or dropped.
///
/// Every method blocks: call them through `spawn_blocking` from asynchronous code.
#[derive(Debug)]
pub struct Broker {
    bootstrap: String,
    host: Host,
    passed_over: Vec<String>,
}

#[derive(Debug)]
enum Host {
    External,
    Container(ContainerBroker),
    Native(NativeBroker),
}

impl Broker {
    /// Starts a broker with the first of `providers` that can, and returns when it answers.
    ///
    /// # Errors
    ///
    /// When none of them can: the text says for each what it lacks. `KAFKA_BOOTSTRAP_SERVERS` naming a Kafka
    /// that does not answer is an error at once, because whoever set it wants that one.
    pub fn start(providers: &[Provider]) -> Result<Self> {
        Self::start_with(providers, &Access::default())
    }

    /// As [`start`](Self::start), with further ways to reach the broker. An external one has none.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(providers: &[Provider], access: &Access) -> Result<Self> {
        let mut passed_over = Vec::new();
        for &provider in providers {
            let started = match provider {
                Provider::External if !access.is_empty() => {
                    Err(anyhow!("has the plain listener only"))
                }
                Provider::External => match provider::external_address() {
                    Ok(bootstrap) => {
                        metadata::await_external(&bootstrap)?;
                        Ok((bootstrap, Host::External))
                    }
                    Err(error) => Err(error),
                },
                Provider::Container => ContainerBroker::start(access)
                    .map(|broker| (broker.bootstrap(), Host::Container(broker))),
                Provider::Native => NativeBroker::start(access)
                    .map(|broker| (broker.bootstrap(), Host::Native(broker))),
            };
            match started {
                Ok((bootstrap, host)) => {
                    return Ok(Self {
                        bootstrap,
                        host,
                        passed_over,
                    });
                }
                Err(error) => passed_over.push(format!("{provider}: {error:#}")),
            }
        }
        bail!("no kafka could be started\n  {}", passed_over.join("\n  "))
    }

    /// What clients take as `bootstrap.servers`. It stays the same when the broker is started again.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// What clients of one of the further listeners take as `bootstrap.servers`.
    #[must_use]
    pub fn address(&self, listener: &str) -> Option<String> {
        match &self.host {
            Host::External => None,
            Host::Container(broker) => broker.address(listener),
            Host::Native(broker) => broker.address(listener),
        }
    }

    /// Who runs this broker.
    #[must_use]
    pub fn provider(&self) -> Provider {
        match self.host {
            Host::External => Provider::External,
            Host::Container(_) => Provider::Container,
            Host::Native(_) => Provider::Native,
        }
    }

    /// The broker's process on this machine, where it is one that this has started and that runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        match &self.host {
            Host::External | Host::Container(_) => None,
            Host::Native(broker) => broker.process_id(),
        }
    }

    /// The providers that were asked before the one that runs this broker, each with what it lacked.
    #[must_use]
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Stops the broker in order: it gives up leadership, closes its log and ends.
    ///
    /// # Errors
    ///
    /// When the broker is external, or does not end.
    pub fn stop(&mut self) -> Result<()> {
        match &mut self.host {
            Host::External => refuse(&self.bootstrap),
            Host::Container(broker) => broker.stop(),
            Host::Native(broker) => broker.stop(),
        }
    }

    /// Kills the broker where it stands (SIGKILL).
    ///
    /// # Errors
    ///
    /// When the broker is external, or cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        match &mut self.host {
            Host::External => refuse(&self.bootstrap),
            Host::Container(broker) => broker.kill(),
            Host::Native(broker) => broker.kill(),
        }
    }

    /// Holds the broker up where it stands (SIGSTOP), until it is [resumed](Self::resume), killed or dropped: its
    /// connections stay open, and nobody answers on them.
    ///
    /// # Errors
    ///
    /// When the broker is not a process of this machine, or does not run.
    pub fn suspend(&mut self) -> Result<()> {
        self.native()?.signal(Signal::STOP)
    }

    /// Lets a suspended broker go on.
    ///
    /// # Errors
    ///
    /// When the broker is not a process of this machine, or does not run.
    pub fn resume(&mut self) -> Result<()> {
        self.native()?.signal(Signal::CONT)
    }

    fn native(&mut self) -> Result<&mut NativeBroker> {
        match &mut self.host {
            Host::Native(broker) => Ok(broker),
            Host::External | Host::Container(_) => bail!(
                "the broker at {} is no process of this machine: start it with the provider {}",
                self.bootstrap,
                Provider::Native
            ),
        }
    }

    /// Starts a stopped or killed broker again on its port and its data, and returns when it answers.
    ///
    /// # Errors
    ///
    /// When the broker is external, is still running, or does not answer.
    pub fn start_again(&mut self) -> Result<()> {
        match &mut self.host {
            Host::External => refuse(&self.bootstrap),
            Host::Container(broker) => broker.start_again(),
            Host::Native(broker) => broker.start_again(),
        }
    }

    /// Saves what the broker has logged so far in a file that outlives it, and returns the file's path.
    ///
    /// # Errors
    ///
    /// When the broker is external, or the log cannot be read or written.
    pub fn save_log(&self) -> Result<PathBuf> {
        match &self.host {
            Host::External => refuse(&self.bootstrap),
            Host::Container(broker) => broker.save_log(),
            Host::Native(broker) => broker.save_log(),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = self.save_log()
        {
            #[expect(
                clippy::print_stderr,
                reason = "a failed test must tell where its broker's log is"
            )]
            {
                eprintln!(
                    "the log of the broker at {}: {}",
                    self.bootstrap,
                    log.display()
                );
            }
        }
    }
}

fn refuse<T>(bootstrap: &str) -> Result<T> {
    bail!("the broker at {bootstrap} is external: nobody here stops or starts it, or reads its log")
}

/// Writes `log` to a new file in the folder for temporary files, which nobody removes.
fn keep_log(mut log: impl std::io::Read) -> Result<PathBuf> {
    let mut file = tempfile::Builder::new()
        .prefix("ipc-kafka-")
        .suffix(".log")
        .disable_cleanup(true)
        .tempfile()
        .context("cannot create a file for the broker's log")?;
    std::io::copy(&mut log, &mut file)
        .with_context(|| format!("cannot write {}", file.path().display()))?;
    Ok(file.path().to_owned())
}
