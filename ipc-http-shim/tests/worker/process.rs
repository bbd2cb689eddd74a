//! The processes of these tests, which end with them.

use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use harness::{Stage, within};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// An HTTP process that knows nothing of Kafka.
pub(crate) struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts one of the examples on `port`, or on a free one where that is 0.
    pub(crate) async fn start(program: &str, file: &str, port: u16) -> Result<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/worker");
        let mut child = Command::new(program)
            .arg(format!("{folder}/{file}"))
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{program} cannot be run: `cargo xtask setup` installs it"))?;
        let stdout = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = within("the process's first line", lines.next_line()).await??;
        let line = line.context("it ended at once")?;
        let port = line.strip_prefix("listening on ").context(line.clone())?;
        Ok(Self {
            child,
            port: port.parse()?,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// `ipc-http-shim serve`.
pub(crate) struct Worker {
    child: Child,
    #[expect(
        dead_code,
        reason = "reads on, so that what it logs does not make it wait"
    )]
    log: JoinSet<()>,
}

impl Worker {
    /// Starts one beside the process on `port`, and returns when it is ready.
    pub(crate) async fn start(stage: &Stage, port: u16) -> Result<Self> {
        let upstream = format!("http://127.0.0.1:{port}");
        let args = ["--service", stage.name(), "--upstream", &upstream];
        let more = ["--create-topics", "2", "--attempts", "3"];
        let mut child = command(stage)
            .args(args)
            .args(more)
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().context("no log")?;
        let mut lines = BufReader::new(stderr).lines();
        let serving = async {
            while let Some(line) = lines.next_line().await? {
                if line.contains("serving") {
                    return Ok(());
                }
            }
            bail!("it ended before it served")
        };
        within("the worker serves", serving).await??;
        let rest = async move { while let Ok(Some(_)) = lines.next_line().await {} };
        Ok(Self {
            child,
            log: JoinSet::from_iter([rest]),
        })
    }

    /// What it says that ends at once.
    pub(crate) async fn refused(stage: &Stage, args: &[&str]) -> Result<String> {
        let output = within("it ends", command(stage).args(args).output()).await??;
        let told = String::from_utf8(output.stderr)?;
        ensure!(!output.status.success(), "it ended well: {told}");
        Ok(told)
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus> {
        let id = self.child.id().context("it has ended")?;
        let pid = Pid::from_raw(id.try_into()?).context("no process")?;
        kill_process(pid, Signal::TERM)?;
        Ok(within("the worker ends", self.child.wait()).await??)
    }
}

fn command(stage: &Stage) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipc-http-shim"));
    command
        .arg("serve")
        .args(["--admin", "127.0.0.1:0"])
        .env("KAFKA_BOOTSTRAP_SERVERS", stage.bootstrap())
        .env("NO_COLOR", "1")
        .kill_on_drop(true);
    command
}
