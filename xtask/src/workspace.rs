use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, Result};

/// Features of the workspace's crates under which tests, lints and documentation run: all but `zstd`, another C
/// library, which is compiled by the check of each feature.
const FEATURES: &str = "ipc-core/embedded,ipc-core/postgres,ipc-core/protobuf,ipc-core/redis,ipc-core/testing,ipc-core/tls";

/// The workspace's root folder.
pub(crate) fn root() -> Result<PathBuf> {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    let mut root = PathBuf::from(xtask);
    root.pop();
    Ok(root)
}

/// `cargo`, the one that runs this, in the root folder.
pub(crate) fn cargo(subcommand: &str) -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").context("run this as `cargo xtask`")?);
    cargo.arg(subcommand).current_dir(root()?);
    Ok(cargo)
}

/// `cargo SUBCOMMAND` for every crate, with the features that matter.
pub(crate) fn cargo_for_all(subcommand: &str) -> Result<Command> {
    let mut cargo = cargo(subcommand)?;
    cargo.args(["--workspace", "--features", FEATURES]);
    Ok(cargo)
}
