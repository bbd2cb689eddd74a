//! Programs that a machine has or not.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

/// What to say where `program`, which comes with `product`, is not on the path; `None` where it is there.
///
/// # Errors
///
/// When it is there and cannot be run.
pub fn missing(program: &str, product: &str) -> Result<Option<String>> {
    let mut asked = Command::new(program);
    asked.arg("-version");
    match asked.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        // what it answers does not matter: it is there
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(absent(program, product))),
        Err(error) => Err(error).with_context(|| format!("cannot run {program}")),
    }
}

/// What to say of a program that was not found.
pub(crate) fn absent(program: &str, product: &str) -> String {
    format!("`{program}` is not on the path: install {product}")
}

/// The first of `names` that is on the path.
#[must_use]
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut candidates = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|candidate| can_be_run(candidate))
}

/// Whether this is a program, for whomever.
#[must_use]
pub fn can_be_run(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_program_that_is_there_is_found() {
        let found = on_path(&["there-is-no-such-program", "sh"]);
        assert!(found.is_some_and(|it| it.ends_with("sh")));
        assert_eq!(on_path(&["there-is-no-such-program"]), None);
    }

    #[test]
    fn a_folder_is_no_program() {
        assert!(!can_be_run(&env::temp_dir()));
    }
}
