use std::{
    ffi::OsStr,
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{Stage, within};

/// A service in a process of its own, which a test may kill. It is killed when this is dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts the test binary `worker` at `program` as the instance `name` of the stage's service and returns when
    /// it serves. With `hold` its handlers never end. They write what they do to the topic of effects:
    /// `begun <name> <work>`, `done <name> <work>`.
    ///
    /// # Errors
    ///
    /// When it does not come to serve.
    pub async fn start(
        program: &str,
        stage: &Stage,
        effects: &str,
        name: &str,
        hold: bool,
    ) -> Result<Self> {
        let manner = if hold { "hold" } else { "work" };
        Self::start_so(program, stage, effects, name, manner).await
    }

    /// The same, whose handlers fail at the first attempt. What failed waits for 8 s in the service's retry topic.
    ///
    /// # Errors
    ///
    /// When it does not come to serve.
    pub async fn failing(program: &str, stage: &Stage, effects: &str, name: &str) -> Result<Self> {
        Self::start_so(program, stage, effects, name, "fail").await
    }

    /// The same, whose handlers fail at the first attempt at work whose name begins with `flaky`. What failed waits for
    /// 8 s, and its key is parked.
    ///
    /// # Errors
    ///
    /// When it does not come to serve.
    pub async fn parking(program: &str, stage: &Stage, effects: &str, name: &str) -> Result<Self> {
        Self::start_so(program, stage, effects, name, "park").await
    }

    /// The same, whose handlers of `/copy` write what they are told to the topic of effects, exactly once.
    ///
    /// # Errors
    ///
    /// When it does not come to serve.
    pub async fn copying(program: &str, stage: &Stage, effects: &str) -> Result<Self> {
        Self::start_so(program, stage, effects, "copier", "copy").await
    }

    /// The same, which does not wait until the instance serves: at work whose name begins with `poison` it aborts.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn copying_until_it_aborts(program: &str, stage: &Stage, effects: &str) -> Result<Self> {
        Self::spawn(
            program,
            [stage.bootstrap(), stage.name(), effects, "copier", "copy"],
        )
    }

    /// The same, whose handlers abort the process at work whose name begins with `poison`. It does not wait until the
    /// instance serves, which may end before.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn aborting(program: &str, stage: &Stage, effects: &str, name: &str) -> Result<Self> {
        Self::spawn(
            program,
            [stage.bootstrap(), stage.name(), effects, name, "abort"],
        )
    }

    async fn start_so(
        program: &str,
        stage: &Stage,
        effects: &str,
        name: &str,
        manner: &str,
    ) -> Result<Self> {
        let arguments = [stage.bootstrap(), stage.name(), effects, name, manner];
        Self::serve(program, arguments).await
    }

    /// Starts the test binary at `program` with these arguments and returns when it serves.
    ///
    /// # Errors
    ///
    /// When it does not come to serve.
    pub async fn serve(
        program: &str,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    ) -> Result<Self> {
        let mut worker = Self::spawn(program, arguments)?;
        let first = worker.says().await?;
        ensure!(first == "serving", "the worker says {first:?}");
        Ok(worker)
    }

    fn spawn(program: &str, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("no output")?;
        let lines = BufReader::new(output).lines();
        Ok(Self { child, lines })
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// The next line it writes.
    ///
    /// # Errors
    ///
    /// When it writes none.
    pub async fn says(&mut self) -> Result<String> {
        let line = within("a line of a worker", self.lines.next_line()).await??;
        line.context("the worker has ended")
    }

    /// Ends the process where it stands.
    ///
    /// # Errors
    ///
    /// When it cannot be ended.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().context("it has ended")?;
        let id = Pid::from_raw(i32::try_from(id)?).context("no process")?;
        Ok(kill_process(id, signal)?)
    }

    /// Asks the process to end and waits until it has.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        Ok(within("the end of a worker", self.child.wait()).await??)
    }
}
