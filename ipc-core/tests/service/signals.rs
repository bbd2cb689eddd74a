//! Signals concern a whole process: these tests start one of their own.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use futures_util::FutureExt;
use ipc_core::service::shutdown_signal;
use rustix::process::{Pid, Signal, kill_process};

/// Makes [`the_process_that_is_signalled`] more than an empty test.
const IS_CHILD: &str = "IPC_TEST_SIGNALS_CHILD";
const LISTENING: &str = "listening";
const ASKED: &str = "asked to end";

/// A process that says what it sees, and ends with the test.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start() -> Self {
        let this = std::env::current_exe().expect("this test has a path");
        let mut child = Command::new(this)
            .args(["--exact", "signals::the_process_that_is_signalled"])
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

    fn says(&mut self, expected: &str) {
        let said = self
            .lines
            .find(|line| line.as_ref().is_ok_and(|line| line.ends_with(expected)));
        assert!(
            said.is_some(),
            "the process ended before it said {expected:?}"
        );
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has an id"), signal).expect("the process is ours");
    }

    fn exit_code(&mut self) -> Option<i32> {
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

/// Waits for a signal, then hangs in a way no runtime can end.
#[tokio::test]
async fn the_process_that_is_signalled() {
    if std::env::var_os(IS_CHILD).is_none() {
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
    let mut process = Process::start();
    process.says(LISTENING);
    process.signal(first);
    process.says(ASKED);
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
