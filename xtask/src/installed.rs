use std::path::PathBuf;

use anyhow::{Result, ensure};
use xtask::cache;

use crate::{supervisor::Supervisor, workspace};

/// A program of the crate `name`, installed into the cache folder by the first who asks.
pub(crate) fn program(name: &str, version: &str, supervisor: &mut Supervisor) -> Result<PathBuf> {
    let folder = cache::folder()?.join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if !program.exists() {
        let mut install = workspace::cargo("install")?;
        install
            .args(["--locked", name, "--version", version, "--root"])
            .arg(&folder);
        let status = supervisor.run(&mut install)?;
        ensure!(status.success(), "{name} {version} could not be installed");
    }
    Ok(program)
}
