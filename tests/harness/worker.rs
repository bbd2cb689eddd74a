use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{Stage, within};

/// A service in a process of its own, which a test may kill. It is killed when this is dropped.
///
/// Its endpoints write what they do to the topic of effects: `begun <name> <work>`, `done <name> <work>`.
#[derive(Debug)]
pub struct Worker {
    child: Child,
}

impl Worker {
    /// Starts the test binary at `program` as the instance `name` of the stage's service and returns when it
    /// serves. With `hold` its handlers never end.
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

    async fn start_so(
        program: &str,
        stage: &Stage,
        effects: &str,
        name: &str,
        manner: &str,
    ) -> Result<Self> {
        let mut child = Command::new(program)
            .args([stage.bootstrap(), stage.name(), effects, name, manner])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let first = within("the start of a worker", lines.next_line()).await??;
        ensure!(
            first.as_deref() == Some("serving"),
            "the worker says {first:?}"
        );
        Ok(Self { child })
    }

    /// Ends the process where it stands.
    ///
    /// # Errors
    ///
    /// When it cannot be ended.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks the process to end and waits until it has.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        let id = self.child.id().context("it has ended")?;
        let id = Pid::from_raw(i32::try_from(id)?).context("no process")?;
        kill_process(id, Signal::TERM)?;
        Ok(within("the end of a worker", self.child.wait()).await??)
    }
}
