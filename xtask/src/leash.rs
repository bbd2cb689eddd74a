//! A child process that cannot outlive this one, whatever ends this one.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{account::Account, poll};

/// Becomes the program, after leaving behind a watcher that reads from our end of a pipe: a line means that
/// the program has ended under our eyes; the end of the pipe, that we are gone and the program must go too.
/// The wait lets the system finish with the program's files before they are removed.
const SCRIPT: &str = r#"
scratch=$1; shift
exec 3<&0 </dev/null
( read -r released || { kill -s KILL $$; sleep 1; rm -rf -- "$scratch"; } ) <&3 &
exec 3<&-
exec "$@"
"#;

/// A running program in a process group of its own, so that Ctrl-C in a terminal does not reach it.
#[derive(Debug)]
pub(crate) struct Leashed {
    program: String,
    child: Child,
    watcher: ChildStdin,
}

impl Leashed {
    /// Starts `program`, with its output going to `log`. If this process dies, the program is killed and the
    /// folder `scratch` removed.
    pub(crate) fn spawn(command: &Command, log: File, scratch: &Path) -> Result<Self> {
        Self::spawn_as(None, command, log, scratch)
    }

    /// As [`spawn`](Self::spawn), in the name of `account` where there is one.
    pub(crate) fn spawn_as(
        account: Option<Account>,
        command: &Command,
        log: File,
        scratch: &Path,
    ) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "sh"])
            .arg(scratch)
            .arg(command.get_program())
            .args(command.get_args())
            .process_group(0)
            .stdin(Stdio::piped())
            .stderr(log.try_clone().context("cannot share the log's file")?)
            .stdout(log);
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        if let Some(account) = account {
            account.runs(&mut shell);
        }
        let mut child = shell
            .spawn()
            .with_context(|| format!("cannot start sh for {program}"))?;
        let watcher = child
            .stdin
            .take()
            .context("the child has no standard input")?;
        Ok(Self {
            program,
            child,
            watcher,
        })
    }

    /// The program's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the program ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("cannot ask whether {} runs", self.program))
    }

    /// Waits for `limit` at most until the program `answers`. Says how it failed, where it does not.
    pub(crate) fn await_answer(
        &mut self,
        limit: Duration,
        mut answers: impl FnMut() -> bool,
    ) -> Result<Option<String>> {
        let end = poll::until(limit, || {
            if let Some(status) = self.ended()? {
                return Ok(Some(Some(status)));
            }
            Ok(answers().then_some(None))
        })?;
        Ok(match end {
            Some(None) => None,
            Some(Some(status)) => Some(format!("ended with {status}")),
            None => Some(format!("does not answer within {} s", limit.as_secs())),
        })
    }

    /// Sends `signal`.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("cannot send {signal:?} to {}", self.program))
    }

    /// Sends `signal`, and waits for the program's end.
    pub(crate) fn end(mut self, signal: Signal, limit: Duration) -> Result<()> {
        if self.ended()?.is_none() {
            self.signal(signal)?;
        }
        match poll::until(limit, || self.ended())? {
            Some(_) => Ok(()),
            None => bail!(
                "{} did not end within {} s of {signal:?}",
                self.program,
                limit.as_secs()
            ),
        }
    }
}

/// Opens the log of a program that may have run before.
pub(crate) fn open_log(path: &Path) -> Result<File> {
    let log = OpenOptions::new().create(true).append(true).open(path);
    log.with_context(|| format!("cannot open {}", path.display()))
}

/// Sends `signal` to the program that runs, if one does, and waits for its end.
pub(crate) fn end(program: &mut Option<Leashed>, signal: Signal, limit: Duration) -> Result<()> {
    match program.take() {
        Some(program) => program.end(signal, limit),
        None => Ok(()),
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // `kill` is harmless after the program's end, and what fails here has nobody to tell
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.watcher.write_all(b"ended\n");
    }
}
