//! What a run leaves behind: every round of every figure, and where and how it was
//! taken.

mod machine;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub(crate) use self::machine::Machine;
use crate::figure::Figure;

/// Everything one run has taken: what the JSON file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When the run began, as RFC 3339.
    pub(crate) began: String,
    /// The commit that was measured, and whether more was changed.
    pub(crate) commit: String,
    /// The version of the Kafka it ran against.
    pub(crate) kafka: String,
    /// How often each thing that is compared had its turn.
    pub(crate) rounds: usize,
    /// Whether it was to show no more than that everything runs.
    pub(crate) quick: bool,
    pub(crate) machine: Machine,
    pub(crate) measures: Vec<Taken>,
}

/// The figures of one measure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) name: String,
    pub(crate) about: String,
    /// How long it took.
    pub(crate) seconds: f64,
    pub(crate) figures: Vec<Figure>,
    /// What people must know beside the figures: with which settings they were
    /// taken, and what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remarks: Vec<String>,
}

impl Report {
    /// A run that begins now, of the work tree this was built from.
    pub(crate) fn begin(kafka: String, rounds: usize, quick: bool) -> Self {
        Self {
            began: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            kafka,
            rounds,
            quick,
            machine: Machine::this(),
            measures: Vec::new(),
        }
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{shown} is not what --json of this version writes"))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("a report is not JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Taken {
    /// The figure of this name.
    pub(crate) fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

/// `None` where git does not tell.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| said.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(match changed.is_empty() {
        true => commit,
        false => format!("{commit} and changes"),
    })
}
