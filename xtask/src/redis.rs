//! A real Redis, or Valkey, for tests.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    leash::{self, Leashed},
    port, program,
};

/// Its program, by the names it has.
pub const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A Redis without any data, on a port of its own, until it is killed or dropped. It ends with the process
/// that started it, whatever ends that.
///
/// Every method blocks: call them through `spawn_blocking` from asynchronous code.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    settings: Vec<String>,
    port: u16,
    /// `None` while it is killed. Declared before `folder`, so that it ends before its files go.
    process: Option<Leashed>,
    /// Holds the data and the log.
    folder: TempDir,
}

impl Redis {
    /// The environment variable in which tests find the address of the one they share.
    pub const VARIABLE: &str = "IPC_TEST_REDIS";

    /// Starts one, and returns when it answers. It writes nothing to disk.
    ///
    /// # Errors
    ///
    /// When none is installed, or it does not answer.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with further settings as they stand on its command line:
    /// `["--appendonly", "yes"]`.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        let program = program::on_path(&PROGRAMS).with_context(|| {
            let [redis, valkey] = PROGRAMS;
            format!(
                "neither `{redis}` nor `{valkey}` is on the path: `cargo xtask setup` installs the first"
            )
        })?;
        let mut redis = Self {
            program,
            settings: settings.iter().map(ToString::to_string).collect(),
            port: port::free()?,
            process: None,
            folder: tempfile::Builder::new()
                .prefix("ipc-redis-")
                .tempdir()
                .context("cannot create a folder for redis")?,
        };
        redis.start_again()?;
        Ok(redis)
    }

    /// Its address, without user or password. It stays the same when it is started again.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Kills it where it stands (SIGKILL).
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        leash::end(&mut self.process, Signal::KILL, STOP_LIMIT)
    }

    /// Starts it again after it was killed, on its port, and with what it wrote to disk; it answers when this
    /// returns.
    ///
    /// # Errors
    ///
    /// When it is still running, or does not answer.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(
            self.process.is_none(),
            "the redis at {} is still running: kill it first",
            self.address()
        );
        let log = leash::open_log(&self.log_path())?;
        let mut command = Command::new(&self.program);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .args(["--save", "", "--daemonize", "no"])
            .args(&self.settings);
        self.process = Some(Leashed::spawn(&command, log, self.folder.path())?);
        self.await_answer()
    }

    /// Waits until it answers. One that does not is killed.
    fn await_answer(&mut self) -> Result<()> {
        let address = self.address();
        let Some(process) = &mut self.process else {
            bail!("the redis at {address} is not running: start it first");
        };
        let answers = || answers(address).unwrap_or(false);
        let Some(failure) = process.await_answer(START_LIMIT, answers)? else {
            return Ok(());
        };
        self.process = None;
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        bail!("the redis at {address} {failure}; its log:\n{log}")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("redis.log")
    }
}

/// Whether what listens there is a Redis that takes commands.
fn answers(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG")
}
