use std::{
    io,
    os::unix::process::CommandExt,
    process::{Command, ExitCode, ExitStatus, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use xtask::{
    broker::{Broker, Cluster, Provider},
    postgres::Postgres,
    redis::Redis,
};

/// How a task ends whose command has ended so.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Starts what a task needs and waits for it, ready to pass on a signal at any time.
pub(crate) struct Supervisor {
    sender: Sender<Event>,
    events: Receiver<Event>,
    interrupted: bool,
}

enum Event {
    Signal(Signal),
    Started,
    ChildEnded(io::Result<ExitStatus>),
}

impl Supervisor {
    /// From now on SIGINT and SIGTERM end this process only through the methods below.
    pub(crate) fn new() -> Result<Self> {
        let (sender, events) = channel();
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
        let signalled = sender.clone();
        thread::spawn(move || {
            for number in signals.forever() {
                let signal = if number == SIGINT {
                    Signal::INT
                } else {
                    Signal::TERM
                };
                if signalled.send(Event::Signal(signal)).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            sender,
            events,
            interrupted: false,
        })
    }

    /// Whether a signal has come.
    pub(crate) fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// Starts a broker with `provider`, or with the first that works.
    pub(crate) fn start_broker(&mut self, provider: Option<Provider>) -> Result<Broker> {
        self.start(move || Broker::start(&those(provider)))
    }

    /// Starts so many brokers with `provider`, or with the first that works.
    pub(crate) fn start_cluster(
        &mut self,
        provider: Option<Provider>,
        brokers: usize,
    ) -> Result<Cluster> {
        self.start(move || Cluster::start(&those(provider), brokers))
    }

    /// Starts a Postgres.
    pub(crate) fn start_postgres(&mut self) -> Result<Postgres> {
        self.start(Postgres::start)
    }

    /// Starts a Redis.
    pub(crate) fn start_redis(&mut self) -> Result<Redis> {
        self.start(Redis::start)
    }

    /// Returns what `start` has started. After a signal meanwhile, that is stopped as soon as it has started; a
    /// second signal does not wait for that.
    fn start<T: Send + 'static>(
        &mut self,
        start: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.sender.clone();
        let starting = thread::spawn(move || {
            let started = start();
            // fails only when the supervisor is gone, and what was started ends with this closure
            let _ = done.send(Event::Started);
            started
        });
        loop {
            let again = self.interrupted;
            match self.next()? {
                Event::Started => {
                    let started = starting.join();
                    let started = started.map_err(|_| anyhow!("what was to start it panicked"))?;
                    if again {
                        drop(started);
                        bail!("interrupted");
                    }
                    return started;
                }
                Event::Signal(_) if again => bail!("interrupted"),
                Event::Signal(_) | Event::ChildEnded(_) => {}
            }
        }
    }

    /// Runs `command` in a process group of its own and returns how it ended. The first signal is passed on to
    /// the whole group, so that what cargo started ends too; a second one kills the group.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let group = Pid::from_child(&child);
        let ended = self.sender.clone();
        thread::spawn(move || {
            // fails only when the supervisor is gone
            let _ = ended.send(Event::ChildEnded(child.wait()));
        });
        loop {
            let again = self.interrupted;
            match self.next()? {
                Event::ChildEnded(status) => return status.context("cannot wait for a child"),
                // an error here means that the group is gone already, which the next event tells
                Event::Signal(_) if again => drop(kill_process_group(group, Signal::KILL)),
                Event::Signal(signal) => drop(kill_process_group(group, signal)),
                Event::Started => {}
            }
        }
    }

    /// Waits for SIGINT or SIGTERM.
    pub(crate) fn await_signal(&mut self) -> Result<()> {
        while !self.interrupted {
            self.next()?;
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Event> {
        let event = self.events.recv().context("no event can come any more")?;
        self.interrupted |= matches!(event, Event::Signal(_));
        Ok(event)
    }
}

/// The providers to try.
fn those(provider: Option<Provider>) -> Vec<Provider> {
    provider.map_or(Provider::ALL.to_vec(), |provider| vec![provider])
}
