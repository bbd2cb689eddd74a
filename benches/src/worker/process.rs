use std::env;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{Role, Word};
use crate::load::{Load, Sample};

/// A running worker, seen from the process that measures. It is killed when this
/// is dropped.
pub(crate) struct Worker {
    child: Child,
    /// `None` once it was asked to end.
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    address: Option<SocketAddr>,
    settings: Vec<(String, String)>,
}

impl Worker {
    /// Starts a worker and returns when it is ready.
    pub(crate) fn start(role: &Role) -> Result<Self> {
        let mut worker = Self::spawn(role)?;
        worker.await_ready()?;
        Ok(worker)
    }

    /// Starts another program that speaks as a worker does, and returns when it is
    /// ready.
    pub(crate) fn start_program(program: &mut Command) -> Result<Self> {
        let mut worker = Self::spawn_program(program)?;
        worker.await_ready()?;
        Ok(worker)
    }

    /// Starts a worker that is not ready yet.
    pub(crate) fn spawn(role: &Role) -> Result<Self> {
        let program = env::current_exe().context("this program has no path")?;
        let role = serde_json::to_string(role).context("a role is not JSON")?;
        Self::spawn_program(Command::new(program).args(["worker", &role]))
    }

    fn spawn_program(program: &mut Command) -> Result<Self> {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.get_program().display()))?;
        let output = child.stdout.take().context("a worker has no output")?;
        Ok(Self {
            input: child.stdin.take(),
            output: BufReader::new(output).lines(),
            child,
            address: None,
            settings: Vec::new(),
        })
    }

    pub(crate) fn await_ready(&mut self) -> Result<()> {
        loop {
            match self.word()? {
                Word::Setting(name, value) => self.settings.push((name, value)),
                Word::Ready(address) => {
                    self.address = address;
                    return Ok(());
                }
                other => bail!("a worker said {other:?} before it was ready"),
            }
        }
    }

    /// Has it bear a load.
    pub(crate) fn bear(&mut self, load: &Load) -> Result<Sample> {
        self.begin(load)?;
        self.finish()
    }

    /// Asks it to bear a load, and does not wait.
    pub(crate) fn begin(&mut self, load: &Load) -> Result<()> {
        let line = serde_json::to_string(load).context("a load is not JSON")?;
        let input = self.input.as_mut().context("the worker is ending")?;
        writeln!(input, "{line}").context("a worker has gone")
    }

    /// Waits for what became of the load.
    pub(crate) fn finish(&mut self) -> Result<Sample> {
        match self.word()? {
            Word::Done(sample) => Ok(sample),
            Word::Failed(reason) => bail!("{reason}"),
            other => bail!("a worker said {other:?} instead of what became of its load"),
        }
    }

    /// Where it is reached, if it serves.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.address.context("this worker serves no port")
    }

    /// What it said that it runs with: names and values.
    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    pub(crate) fn id(&self) -> i32 {
        // a process id is positive and small
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Lets it end in order.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.input = None;
        let status = self.child.wait().context("a worker cannot be waited for")?;
        if !status.success() {
            bail!("a worker ended with {status}");
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Word> {
        let line = self.output.next().context("a worker has ended")??;
        serde_json::from_str(&line).with_context(|| format!("a worker said {line:?}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // both are harmless after its end, and what fails here has nobody to tell
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
