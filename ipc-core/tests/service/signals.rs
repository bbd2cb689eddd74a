//! Signals concern a whole process: these tests start one of their own.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use futures_util::FutureExt;
use ipc_core::service::shutdown_signal;
use rustix::process::{Pid, Signal, kill_process};

/// Makes the processes that are signalled more than empty tests.
const IS_CHILD: &str = "IPC_TEST_SIGNALS_CHILD";
const LISTENING: &str = "listening";
const ASKED: &str = "asked to end";

/// A process that says what it sees, and ends with the test.
pub(super) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Runs the test `name` of this binary, which asks [`is_child`].
    pub(super) fn start(name: &str) -> Self {
        let this = std::env::current_exe().expect("this test has a path");
        let mut child = Command::new(this)
            .args(["--exact", name])
            .arg("--nocapture")
            .env(IS_CHILD, "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test can be run");
        let stdout = child.stdout.take().expect("it is piped");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// Reads on to a line with `expected` in it, and answers what follows there.
    pub(super) fn tells(&mut self, expected: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let told = lines.find_map(|line| Some(line.split_once(expected)?.1.to_owned()));
        told.unwrap_or_else(|| panic!("the process ended before it said {expected:?}"))
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has an id"), signal).expect("the process is ours");
    }

    pub(super) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("the process is ours").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this process was started by another test.
pub(super) fn is_child() -> bool {
    std::env::var_os(IS_CHILD).is_some()
}

/// Waits for a signal, then hangs in a way no runtime can end.
#[tokio::test]
async fn the_process_that_is_signalled() {
    if !is_child() {
        return;
    }
    let mut stdout = std::io::stdout();
    let mut asked = std::pin::pin!(shutdown_signal());
    assert!((&mut asked).now_or_never().is_none());
    writeln!(stdout, "{LISTENING}").expect("the test reads");
    asked.await;
    writeln!(stdout, "{ASKED}").expect("the test reads");
    loop {
        std::thread::park();
    }
}

fn ends_at_the_second(first: Signal, second: Signal, code: i32) {
    let mut process = Process::start("signals::the_process_that_is_signalled");
    process.tells(LISTENING);
    process.signal(first);
    process.tells(ASKED);
    process.signal(second);
    assert_eq!(process.exit_code(), Some(code));
}

#[test]
fn a_second_sigterm_ends_a_stuck_process_at_once() {
    ends_at_the_second(Signal::TERM, Signal::TERM, 143);
}

#[test]
fn ctrl_c_twice_ends_a_stuck_process_at_once() {
    ends_at_the_second(Signal::INT, Signal::INT, 130);
}

#[test]
fn the_two_signals_count_together() {
    ends_at_the_second(Signal::TERM, Signal::INT, 130);
}
