//! Reading `[access_log]`.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use toml::de::DeTable;

use super::mistake::Report;
use super::section::Section;
use super::value::{FromText, Truth};

pub(super) const KEYS: &[&str] = &["format", "output", "sample", "peer", "query", "principal"];

/// One line for each request, once its answer has gone.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct AccessLog {
    /// How a line is written. Default: as JSON.
    pub format: LineFormat,
    /// Where lines go. Default: to standard output.
    pub output: LogOutput,
    /// The share of requests that get a line, 0 to 1. Those that failed, with a status
    /// from 500 on, or whose client left first, get one in any case. Default: 1.
    pub sample: Sample,
    /// How much of the client's address is told. Default: all of it.
    pub peer: PeerShown,
    /// Whether the query is told, which often holds what is secret. Default: it is not.
    pub query: bool,
    /// Whether it is told who has proved who it is, whose name may be that of a person.
    /// Default: it is not.
    pub principal: bool,
}

/// How a line of the access log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LineFormat {
    /// A JSON object.
    #[default]
    Json,
    /// The common log format of web servers, which tells less.
    Common,
}

/// Where the access log goes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum LogOutput {
    /// To standard output.
    #[default]
    Stdout,
    /// To standard error, among the log.
    Stderr,
    /// To the end of a file, which is opened anew when the configuration is read again.
    File(PathBuf),
}

/// How much of a client's address is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PeerShown {
    /// All of it.
    #[default]
    Full,
    /// Its network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
    Cut,
    /// Nothing.
    None,
}

impl LineFormat {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Common => "common",
        }
    }
}

impl fmt::Display for LogOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl PeerShown {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Cut => "cut",
            Self::None => "none",
        }
    }
}

/// A share, 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample(f64);

impl Sample {
    /// `None` where it is not from 0 to 1.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The share.
    #[must_use]
    pub fn share(self) -> f64 {
        self.0
    }

    /// Whether it takes what is at `draw`, which is from 0 to 1 and below it.
    pub(crate) fn takes(self, draw: f64) -> bool {
        draw < self.0
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self(1.0)
    }
}

/// Reads what is told of requests, and where.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> AccessLog {
    let section = Section::open("[access_log]", table, span, KEYS, report);
    let mut log = AccessLog::default();
    if let Some(format) = section.value("format", report) {
        log.format = format.value;
    }
    if let Some(output) = section.value("output", report) {
        log.output = output.value;
    }
    if let Some(sample) = section.value("sample", report) {
        log.sample = sample.value;
    }
    if let Some(peer) = section.value("peer", report) {
        log.peer = peer.value;
    }
    if let Some(Truth(query)) = section.value("query", report).map(|read| read.value) {
        log.query = query;
    }
    if let Some(Truth(principal)) = section.value("principal", report).map(|read| read.value) {
        log.principal = principal;
    }
    log
}

impl FromText for LineFormat {
    const EXPECTED: &'static str = "a format of lines";
    const MEND: &'static str = "write \"json\" or \"common\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self::Json),
            "common" => Some(Self::Common),
            _ => None,
        }
    }
}

impl FromText for LogOutput {
    const EXPECTED: &'static str = "where lines can go";
    const MEND: &'static str = "write \"stdout\", \"stderr\", or the path of a file";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            path => Some(Self::File(path.into())),
        }
    }
}

impl FromText for PeerShown {
    const EXPECTED: &'static str = "how much of an address is told";
    const MEND: &'static str = "write \"full\", \"cut\" or \"none\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "cut" => Some(Self::Cut),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl FromText for Sample {
    const EXPECTED: &'static str = "a share of requests";
    const MEND: &'static str = "write a number from 0 to 1, as in 0.1";

    fn from_text(text: &str) -> Option<Self> {
        Self::new(text.parse().ok()?)
    }
}
