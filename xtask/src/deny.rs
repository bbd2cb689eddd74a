use std::process::Command;

use anyhow::{Context, Result};

use crate::{installed, supervisor::Supervisor, workspace};

const VERSION: &str = "0.20.2";

/// `cargo-deny check` of licences and bans.
pub(crate) fn command(supervisor: &mut Supervisor) -> Result<Command> {
    let mut deny = Command::new(installed::program("cargo-deny", VERSION, supervisor)?);
    deny.args(["check", "licenses", "bans"])
        .current_dir(workspace::root().context("cannot find deny.toml")?);
    Ok(deny)
}
