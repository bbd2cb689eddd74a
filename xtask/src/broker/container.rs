use std::{path::PathBuf, thread};

use anyhow::{Context, Result, bail};
use testcontainers_modules::testcontainers::{
    Container, GenericImage, ImageExt,
    core::{ExecCommand, IntoContainerPort, WaitFor},
    runners::SyncRunner,
};

use super::{
    Access, KAFKA_VERSION, ScramUser,
    access::{Ports, SCRAM},
    keep_log, metadata, session,
    settings::{Addresses, Place, settings},
};
use crate::{poll, port};

const IMAGE: &str = "apache/kafka";
/// What clients connect to, inside the container.
const CLIENT_PORT: u16 = 9092;
/// What the broker itself connects to, inside the container.
const BROKER_ADDRESS: &str = "localhost:9093";
const STOP_LIMIT_SECONDS: i32 = 30;

/// A broker as a container of Apache's own image.
///
/// The port on the host is chosen here, not by Docker: it is part of what the broker advertises, and a
/// container that is started again would be given another.
#[derive(Debug)]
pub(super) struct ContainerBroker {
    port: u16,
    listeners: Ports,
    /// `None` only while it is dropped.
    container: Option<Box<Container<GenericImage>>>,
}

impl ContainerBroker {
    pub(super) fn start(access: &Access) -> Result<Self> {
        let port = port::free()?;
        let listeners = Ports::free(access)?;
        let image = GenericImage::new(IMAGE, KAFKA_VERSION)
            .with_wait_for(WaitFor::Nothing)
            .with_mapped_port(port, CLIENT_PORT.tcp());
        let addresses = Addresses {
            listeners: format!(
                "PLAINTEXT://:{CLIENT_PORT},BROKER://:9093,CONTROLLER://:9094{}",
                listeners.on("")
            ),
            advertised: format!(
                "PLAINTEXT://127.0.0.1:{port},BROKER://{BROKER_ADDRESS}{}",
                listeners.on("127.0.0.1")
            ),
            protocols: listeners.protocols(),
            inter_broker: "BROKER",
        };
        let settings = settings(&Place::alone("localhost:9094".to_owned()), addresses);
        let image = settings
            .into_iter()
            .chain(access.properties())
            .fold(image, |image, (name, value)| {
                image.with_env_var(variable(name), value)
            });
        let image = listeners.iter().fold(image, |image, port| {
            image.with_mapped_port(port, port.tcp())
        });
        let image = session::label()
            .into_iter()
            .fold(image, |image, label| image.with_labels([label]));
        let container = image.start().with_context(|| {
            format!("docker cannot run {IMAGE}:{KAFKA_VERSION}: start its daemon, or let it pull the image")
        })?;
        let broker = Self {
            port,
            listeners,
            container: Some(Box::new(container)),
        };
        broker.await_answer()?;
        for user in &access.scram {
            // Kafka takes one credential of a user in one request.
            for mechanism in SCRAM {
                broker.add(user, mechanism)?;
            }
        }
        Ok(broker)
    }

    pub(super) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn address(&self, listener: &str) -> Option<String> {
        self.listeners.address(listener)
    }

    pub(super) fn stop(&self) -> Result<()> {
        self.container()?
            .stop_with_timeout(Some(STOP_LIMIT_SECONDS))
            .context("docker cannot stop the broker")
    }

    pub(super) fn kill(&self) -> Result<()> {
        self.container()?
            .stop_with_timeout(Some(0))
            .context("docker cannot kill the broker")
    }

    pub(super) fn start_again(&self) -> Result<()> {
        let container = self.container()?;
        if container.is_running()? {
            bail!(
                "the broker at {} is still running: stop it first",
                self.bootstrap()
            );
        }
        container
            .start()
            .context("docker cannot start the broker again")?;
        self.await_answer()
    }

    pub(super) fn save_log(&self) -> Result<PathBuf> {
        keep_log(self.container()?.stdout(false))
    }

    fn add(&self, user: &ScramUser, mechanism: &str) -> Result<()> {
        let mut run = self.container()?.exec(ExecCommand::new([
            "/opt/kafka/bin/kafka-configs.sh",
            "--bootstrap-server",
            BROKER_ADDRESS,
            "--alter",
            "--entity-type=users",
            &format!("--entity-name={}", user.name),
            &format!("--add-config={mechanism}=[password={}]", user.password),
        ]))?;
        let told = run.stderr_to_vec()?;
        match run.exit_code()? {
            Some(0) => Ok(()),
            code => bail!(
                "the user {} could not be added ({code:?})\n{}",
                user.name,
                String::from_utf8_lossy(&told)
            ),
        }
    }

    fn await_answer(&self) -> Result<()> {
        let container = self.container()?;
        let address = self.bootstrap();
        let answered = poll::until(metadata::START_LIMIT, || {
            if !container.is_running()? {
                return Ok(Some(false));
            }
            Ok(metadata::serves(&address).then_some(true))
        })?;
        let failure = match answered {
            Some(true) => return Ok(()),
            Some(false) => "ended".to_owned(),
            None => format!(
                "does not answer within {} s",
                metadata::START_LIMIT.as_secs()
            ),
        };
        bail!(
            "the broker at {address} {failure}; its log: {}",
            self.save_log()?.display()
        )
    }

    fn container(&self) -> Result<&Container<GenericImage>> {
        self.container.as_deref().context("the container is gone")
    }
}

impl Drop for ContainerBroker {
    fn drop(&mut self) {
        let container = self.container.take();
        // removing it blocks on a runtime of its own, which panics on a thread that drives another one
        let _ = thread::spawn(move || drop(container)).join();
    }
}

/// The environment variable by which the image takes a setting.
fn variable(name: &str) -> String {
    let name = name.to_uppercase();
    let name = name.replace('_', "__").replace('-', "___");
    format!("KAFKA_{}", name.replace('.', "_"))
}
