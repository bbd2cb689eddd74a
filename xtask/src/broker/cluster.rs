use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::{Access, Broker, Host, Provider, native::NativeBroker, settings::Place};
use crate::port;

/// Brokers that make one Kafka, until they are stopped, killed or dropped.
#[derive(Debug)]
pub struct Cluster(Vec<Broker>);

impl Cluster {
    /// Starts so many brokers, and returns when each answers and knows of the others. One comes from the first
    /// of `providers` that can; several are always processes of [`Provider::Native`], with three replicas of
    /// every topic whose maker leaves that open, of which two must have a record.
    ///
    /// # Errors
    ///
    /// When one of them cannot be started, which ends the others; when several are asked for, and not of
    /// [`Provider::Native`].
    pub fn start(providers: &[Provider], brokers: usize) -> Result<Self> {
        if brokers <= 1 {
            return Ok(Self(vec![Broker::start(providers)?]));
        }
        ensure!(
            providers.contains(&Provider::Native),
            "{brokers} brokers are always processes of this machine: say --provider native, or leave it out"
        );
        let controllers = (0..brokers).map(|_| Ok(format!("127.0.0.1:{}", port::free()?)));
        let controllers: Vec<_> = controllers.collect::<Result<_>>()?;
        let nodes = Place::each(&controllers);
        let nodes = nodes.map(|place| NativeBroker::prepare(&place, &Access::default()));
        let mut nodes: Vec<_> = nodes.collect::<Result<_>>()?;
        // none answers before most of them run
        nodes.iter_mut().try_for_each(NativeBroker::launch)?;
        for node in &mut nodes {
            node.await_answer(brokers)?;
        }
        Ok(Self(nodes.into_iter().map(Broker::of).collect()))
    }

    /// What clients take as `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> = self.0.iter().map(Broker::bootstrap).collect();
        addresses.join(",")
    }

    /// Each of them.
    #[must_use]
    pub fn brokers(&self) -> &[Broker] {
        &self.0
    }

    /// Each of them, to be stopped, killed or suspended.
    #[must_use]
    pub fn brokers_mut(&mut self) -> &mut [Broker] {
        &mut self.0
    }

    /// Starts again what was stopped or killed, lets go on what was suspended, and returns when each answers and
    /// knows of the others.
    ///
    /// # Errors
    ///
    /// When one is not a process of this machine, or does not answer.
    pub fn mend(&mut self) -> Result<()> {
        for broker in &mut self.0 {
            let native = broker.native()?;
            match native.process_id() {
                Some(_) => native.signal(Signal::CONT)?,
                None => native.launch()?,
            }
        }
        let brokers = self.0.len();
        for broker in &mut self.0 {
            broker.native()?.await_answer(brokers)?;
        }
        Ok(())
    }
}

impl Broker {
    fn of(native: NativeBroker) -> Self {
        Self {
            bootstrap: native.bootstrap(),
            host: Host::Native(native),
            passed_over: Vec::new(),
        }
    }
}
