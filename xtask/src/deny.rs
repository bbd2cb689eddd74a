use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use xtask::cache;

use crate::{supervisor::Supervisor, workspace};

const VERSION: &str = "0.20.2";

/// `cargo-deny`, installed into the cache folder by the first who asks.
pub(crate) fn installed(supervisor: &mut Supervisor) -> Result<PathBuf> {
    let folder = cache::folder()?.join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin").join("cargo-deny");
    if !program.exists() {
        let mut install = workspace::cargo("install")?;
        install
            .args(["--locked", "cargo-deny", "--version", VERSION, "--root"])
            .arg(&folder);
        let status = supervisor.run(&mut install)?;
        ensure!(
            status.success(),
            "cargo-deny {VERSION} could not be installed"
        );
    }
    Ok(program)
}

/// `cargo-deny check` of licences and bans.
pub(crate) fn command(supervisor: &mut Supervisor) -> Result<Command> {
    let program = installed(supervisor)?;
    let mut deny = Command::new(program);
    deny.args(["check", "licenses", "bans"])
        .current_dir(workspace::root().context("cannot find deny.toml")?);
    Ok(deny)
}
