use std::cell::RefCell;
use std::fmt::Display;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::peers::Peers;

/// What every measure is given: a broker, a pace, and a line to say how far it is.
pub(crate) struct Bench {
    pub(crate) bootstrap: String,
    /// The brokers' processes, where they run on this machine.
    pub(crate) brokers: Vec<i32>,
    pub(crate) pace: Pace,
    pub(crate) peers: Peers,
    remarks: RefCell<Vec<String>>,
    line: ProgressBar,
}

/// How long a measure may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How often each thing that is compared has its turn.
    pub(crate) rounds: usize,
    /// How long a turn lasts.
    pub(crate) turn: Duration,
    /// How long each bears a load before the first turn under it: longer than a
    /// producer that batches takes from when the load first asks for it (a second
    /// and its connection) to its first record.
    pub(crate) settling: Duration,
    /// How long each bears a load at the beginning of every turn before it counts:
    /// its producers have been idle while others had their turns.
    pub(crate) lead: Duration,
    /// One-way records that are read in a turn.
    pub(crate) records: u64,
    /// Calls that are left open.
    pub(crate) pending: usize,
    /// Reply streams that are left open.
    pub(crate) streams: usize,
    /// Gateways that stand beside processes.
    pub(crate) sidecars: usize,
    /// Keys that a dedup store is given.
    pub(crate) keys: usize,
    /// How often instances are exchanged under load.
    pub(crate) turnovers: usize,
    /// How long the load lasts under which they are.
    pub(crate) turnover: Duration,
    /// What a soak takes for a minute.
    pub(crate) minute: Duration,
}

impl Pace {
    /// What figures are worth something at.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        turn: Duration::from_millis(1800),
        settling: Duration::from_millis(2000),
        lead: Duration::from_millis(200),
        records: 1_000_000,
        pending: 100_000,
        streams: 10_000,
        sidecars: 200,
        keys: 1_000_000,
        turnovers: 5,
        turnover: Duration::from_secs(12),
        minute: Duration::from_secs(60),
    };

    /// What shows that everything runs.
    pub(crate) const QUICK: Self = Self {
        rounds: 2,
        turn: Duration::from_millis(250),
        settling: Duration::from_millis(250),
        lead: Duration::ZERO,
        records: 20_000,
        pending: 5_000,
        streams: 500,
        sidecars: 8,
        keys: 20_000,
        turnovers: 1,
        turnover: Duration::from_secs(8),
        minute: Duration::from_secs(3),
    };
}

impl Pace {
    /// Turns of a sixth, and so many times as many: what differs by little is told
    /// better so, where the machine itself changes meanwhile.
    pub(crate) fn finer(self, times: usize) -> Self {
        Self {
            rounds: times * self.rounds,
            turn: self.turn / 6,
            // the others' turns, in which it is idle, are shorter, too
            lead: self.lead / 2,
            ..self
        }
    }
}

impl Bench {
    pub(crate) fn new(
        bootstrap: String,
        brokers: Vec<i32>,
        pace: Pace,
        peers: Peers,
        measures: usize,
    ) -> Self {
        let line = ProgressBar::new(u64::try_from(measures).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {bar:20} {pos}/{len} {msg}") {
            line.set_style(style);
        }
        line.enable_steady_tick(Duration::from_secs(1));
        Self {
            bootstrap,
            brokers,
            pace,
            peers,
            remarks: RefCell::default(),
            line,
        }
    }

    /// The next measure begins.
    pub(crate) fn begin(&self, measure: &'static str) {
        self.line.set_prefix(measure);
        self.step("starting");
    }

    /// Says what is being done.
    pub(crate) fn step(&self, what: impl Display) {
        let measure = self.line.prefix();
        self.line.set_message(format!("{measure}: {what}"));
    }

    /// Prints what a measure has found.
    pub(crate) fn print(&self, found: &dyn Display) {
        self.line.inc(1);
        #[expect(clippy::print_stdout, reason = "this is the output")]
        self.line.suspend(|| println!("{found}"));
    }

    /// Says something beside the figures.
    pub(crate) fn note(&self, what: impl Display) {
        let measure = self.line.prefix();
        #[expect(clippy::print_stderr, reason = "this is for the terminal")]
        self.line.suspend(|| eprintln!("{measure}: {what}"));
    }

    /// Keeps what people must know beside the figures of this measure.
    pub(crate) fn remark(&self, what: impl Display) {
        self.remarks.borrow_mut().push(what.to_string());
    }

    /// What was kept since this was asked last.
    pub(crate) fn take_remarks(&self) -> Vec<String> {
        self.remarks.take()
    }

    pub(crate) fn end(&self) {
        self.line.finish_and_clear();
    }

    /// A topic or service name that nothing else uses.
    pub(crate) fn unused(&self, purpose: &str) -> String {
        format!("bench-{purpose}-{:08x}", fastrand::u32(..))
    }
}
