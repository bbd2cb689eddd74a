//! Programs that a machine has or not.

use std::{
    io,
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
