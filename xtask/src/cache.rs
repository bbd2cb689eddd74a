//! Where downloads are kept between runs and between clones of the repository.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use etcetera::BaseStrategy;

/// The folder for downloads, inside the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`); it exists
/// when this returns.
///
/// # Errors
///
/// When the user has no home folder, or the folder cannot be created.
pub fn folder() -> Result<PathBuf> {
    let folder = etcetera::choose_base_strategy()
        .context("no home folder, so no cache folder: set HOME")?
        .cache_dir()
        .join("ipc-xtask");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
