//! Each example prints what its first lines promise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

/// Where cargo puts the examples: beside the folder of this test.
fn built(name: &str) -> Result<PathBuf> {
    let this = env::current_exe()?;
    let profile = this
        .ancestors()
        .nth(2)
        .context("a test is two folders deep")?;
    Ok(profile
        .join("examples")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION))
}

/// The block after "You see:" in an example's first lines.
fn promised(source: &str) -> Option<String> {
    let mut lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.find(|line| line.trim() == "You see:")?;
    lines.find(|line| line.trim() == "```text")?;
    let block = lines.take_while(|line| line.trim() != "```");
    Some(block.map(|line| format!("{}\n", line.trim())).collect())
}

#[test]
fn each_example_prints_what_it_promises() -> Result<()> {
    let mut compared = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let Some(promised) = promised(&fs::read_to_string(&path)?) else {
            continue;
        };
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .context("a name")?;
        let mut run = Command::new(built(name)?);
        // On the development broker, whatever the environment names.
        run.env_remove("KAFKA_BOOTSTRAP_SERVERS");
        // An example that needs a database says so where there is none.
        if let Some(postgres) = env::var_os("IPC_TEST_POSTGRES") {
            run.env("DATABASE_URL", postgres);
        }
        let run = run
            .output()
            .with_context(|| format!("example {name} is not built: cargo build --examples"))?;
        let errors = String::from_utf8_lossy(&run.stderr);
        ensure!(run.status.success(), "example {name} failed: {errors}");
        assert_eq!(String::from_utf8(run.stdout)?, promised, "example {name}");
        compared += 1;
    }
    ensure!(compared > 0, "no example says what one should see");
    Ok(())
}
