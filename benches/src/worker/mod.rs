//! The processes of a measure: each side of an exchange has one of its own, so
//! that its CPU time is its own.

mod process;
mod role;

use std::io::{self, Write as _};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

pub(crate) use self::process::Worker;
pub(crate) use self::role::Role;
use crate::load::{Load, Sample};

/// What a worker process does for a living.
pub(crate) trait Subject {
    /// Does what it is asked.
    fn load(&mut self, load: &Load) -> Result<Sample> {
        bail!("this is no client, it cannot do {load:?}")
    }

    /// Where it is reached over HTTP, if it is.
    fn address(&self) -> Option<SocketAddr> {
        None
    }

    /// Ends in order.
    fn stop(self: Box<Self>) {}
}

/// What a worker says, one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// It runs with this, for people to know: a name and its value.
    Setting(String, String),
    /// It has started, and is reached there.
    Ready(Option<SocketAddr>),
    /// What became of a load.
    Done(Sample),
    /// It could not.
    Failed(String),
}

/// Is a worker, until its input ends.
pub(crate) fn serve(role: &str) -> Result<()> {
    let role: Role = serde_json::from_str(role).context("the role is not one")?;
    let mut subject = role.start()?;
    say(&Word::Ready(subject.address()))?;
    for line in io::stdin().lines() {
        let load: Load = serde_json::from_str(&line?).context("the load is not one")?;
        say(&match subject.load(&load) {
            Ok(sample) => Word::Done(sample),
            Err(error) => Word::Failed(format!("{error:#}")),
        })?;
    }
    subject.stop();
    Ok(())
}

fn say(word: &Word) -> Result<()> {
    let line = serde_json::to_string(word).context("a word is not JSON")?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
