//! Running programs in another name than root's, which some refuse.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use rustix::process::getuid;

/// Accounts without rights that systems have, the fittest first.
const WITHOUT_RIGHTS: [&str; 2] = ["postgres", "nobody"];

/// A user of this machine and its group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// One without rights, where this process is root's; `None` where it is not.
    pub(crate) fn instead_of_root() -> Result<Option<Self>> {
        if !getuid().is_root() {
            return Ok(None);
        }
        for name in WITHOUT_RIGHTS {
            if let (Some(user), Some(group)) = (id("-u", name)?, id("-g", name)?) {
                return Ok(Some(Self { user, group }));
            }
        }
        bail!(
            "this runs as root, and there is no account to run a database as: add one of {}",
            WITHOUT_RIGHTS.join(", ")
        )
    }

    /// Has `command` run in its name.
    pub(crate) fn runs(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Gives it a file or folder.
    pub(crate) fn give(self, path: &Path) -> Result<()> {
        chown(path, Some(self.user), Some(self.group))
            .with_context(|| format!("cannot give {} away", path.display()))
    }
}

/// What `id` says of an account; `None` where it knows none of that name.
fn id(what: &str, name: &str) -> Result<Option<u32>> {
    let output = Command::new("id").args([what, name]).output();
    let output = output.context("cannot run id")?;
    if !output.status.success() {
        return Ok(None);
    }
    let id = String::from_utf8_lossy(&output.stdout);
    let id = id.trim().parse();
    id.map(Some)
        .with_context(|| format!("id {what} {name} gives no number"))
}
