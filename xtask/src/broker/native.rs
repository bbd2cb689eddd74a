use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    Access, ScramUser,
    access::{Ports, SCRAM},
    keep_log, libraries, metadata,
    settings::{Addresses, Place, settings},
};
use crate::{
    leash::{self, Leashed},
    port, program,
};

const CLUSTER_ID: &str = "ipc-dev-cluster-000000";
const STOP_LIMIT: Duration = Duration::from_secs(30);

const LOG_SETTINGS: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c)%n%throwable
";

/// A broker as a Java process on this machine.
#[derive(Debug)]
pub(super) struct NativeBroker {
    class_path: String,
    port: u16,
    listeners: Ports,
    /// Whether it has no other broker to agree with.
    alone: bool,
    /// `None` while the broker is stopped. Declared before `folder`, so that it ends before its files go.
    process: Option<Leashed>,
    /// Holds the settings, the data and the log.
    folder: TempDir,
}

impl NativeBroker {
    pub(super) fn start(access: &Access) -> Result<Self> {
        let controller = format!("127.0.0.1:{}", port::free()?);
        let mut broker = Self::prepare(&Place::alone(controller), access)?;
        broker.start_again()?;
        Ok(broker)
    }

    /// A broker with all its files, which has never run.
    pub(super) fn prepare(place: &Place, access: &Access) -> Result<Self> {
        require_java()?;
        let class_path = libraries::class_path()?;
        let folder = tempfile::Builder::new()
            .prefix("ipc-kafka-")
            .tempdir()
            .context("cannot create a folder for the broker")?;
        let broker = Self {
            class_path,
            port: port::free()?,
            listeners: Ports::free(access)?,
            alone: place.is_alone(),
            process: None,
            folder,
        };
        broker.write_settings(place, access)?;
        broker.format_storage(&access.scram)?;
        Ok(broker)
    }

    pub(super) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Leashed::id)
    }

    pub(super) fn address(&self, listener: &str) -> Option<String> {
        self.listeners.address(listener)
    }

    pub(super) fn start_again(&mut self) -> Result<()> {
        self.launch()?;
        self.await_answer(1)
    }

    /// Starts the process, and does not wait until it answers.
    pub(super) fn launch(&mut self) -> Result<()> {
        ensure!(
            self.process.is_none(),
            "the broker at {} is still running: stop it first",
            self.bootstrap()
        );
        let log = leash::open_log(&self.log_path())?;
        let mut java = self.java(["-Xms256m", "-Xmx512m"]);
        java.arg("kafka.Kafka").arg(self.settings_path());
        self.process = Some(Leashed::spawn(&java, log, self.folder.path())?);
        Ok(())
    }

    /// Waits until it answers and knows of so many live brokers, itself among them. One that does not is killed.
    pub(super) fn await_answer(&mut self, brokers: usize) -> Result<()> {
        let address = self.bootstrap();
        let Some(process) = &mut self.process else {
            bail!("the broker at {address} is not running: start it first");
        };
        let answers = || metadata::serves_among(&address, brokers);
        let Some(failure) = process.await_answer(metadata::START_LIMIT, answers)? else {
            return Ok(());
        };
        self.process = None;
        bail!(
            "the broker at {address} {failure}; its log: {}",
            self.save_log()?.display()
        )
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.end(Signal::TERM)
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.end(Signal::KILL)
    }

    /// Sends a signal that does not end it.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        match &self.process {
            Some(process) => process.signal(signal),
            None => bail!(
                "the broker at {} is not running: start it first",
                self.bootstrap()
            ),
        }
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        leash::end(&mut self.process, signal, STOP_LIMIT)
    }

    pub(super) fn save_log(&self) -> Result<PathBuf> {
        let log = self.log_path();
        keep_log(File::open(&log).with_context(|| format!("cannot read {}", log.display()))?)
    }

    fn write_settings(&self, place: &Place, access: &Access) -> Result<()> {
        let controller = place.controller();
        let further = self.listeners.on("127.0.0.1");
        let clients = format!("PLAINTEXT://{}{further}", self.bootstrap());
        let addresses = Addresses {
            listeners: format!("{clients},CONTROLLER://{controller}"),
            advertised: clients,
            protocols: self.listeners.protocols(),
            inter_broker: "PLAINTEXT",
        };
        let mut settings = settings(place, addresses);
        settings.push((
            "log.dirs",
            self.folder.path().join("data").display().to_string(),
        ));
        let settings: String = settings
            .into_iter()
            .chain(access.properties())
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        write(&self.settings_path(), &settings)?;
        write(&self.log_settings_path(), LOG_SETTINGS)
    }

    fn format_storage(&self, users: &[ScramUser]) -> Result<()> {
        let output = self
            .java(["-Xmx256m", "-XX:TieredStopAtLevel=1"])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(self.settings_path())
            .args(users.iter().flat_map(scram_arguments))
            .output()
            .context("cannot run java")?;
        ensure!(
            output.status.success(),
            "kafka could not format its storage ({})\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn java<const N: usize>(&self, options: [&str; N]) -> Command {
        let mut java = Command::new("java");
        java.args(options)
            .arg("-XX:+UseSerialGC")
            .arg(format!(
                "-Dlog4j2.configurationFile={}",
                self.log_settings_path().display()
            ))
            .args(["-cp", &self.class_path]);
        java
    }

    fn settings_path(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    fn log_settings_path(&self) -> PathBuf {
        self.folder.path().join("log4j2.properties")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("broker.log")
    }
}

impl Drop for NativeBroker {
    fn drop(&mut self) {
        // in order where it can, which the last of several cannot: it waits for others to agree that it goes.
        // What then still runs is killed as its field is dropped
        let _ = match self.alone {
            true => self.stop(),
            false => self.kill(),
        };
    }
}

fn require_java() -> Result<()> {
    match program::missing("java", "a Java runtime, version 17 or newer")? {
        Some(absent) => Err(libraries::elsewhere(&absent)),
        None => Ok(()),
    }
}

fn scram_arguments(user: &ScramUser) -> impl Iterator<Item = String> {
    let ScramUser { name, password } = user;
    SCRAM
        .into_iter()
        .map(move |mechanism| format!("--add-scram={mechanism}=[name={name},password={password}]"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
