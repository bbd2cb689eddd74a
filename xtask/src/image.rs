use std::process::Command;

use anyhow::{Context, Result};

use crate::{docker, supervisor::Supervisor, workspace};

const TAG: &str = "ipc-check";

/// Whether the image of `deploy/Dockerfile` can be built and what is in it runs. Where no
/// Docker answers nothing is built, which is said.
pub(crate) fn passes(supervisor: &mut Supervisor) -> Result<bool> {
    if !docker::answers() {
        eprintln!("no Docker answers here: the image of deploy/Dockerfile is not built");
        return Ok(true);
    }
    let root = workspace::root().context("cannot find deploy/Dockerfile")?;
    let build = ["build", "--file", "deploy/Dockerfile", "--tag", TAG, "."];
    let run = ["run", "--rm", "--read-only", "--network", "none"];
    let gateway = ["--legacy", "http://127.0.0.1:1", "--check"];
    let cli = ["--entrypoint", "/usr/local/bin/ipc", TAG, "--version"];
    let commands = [
        build.to_vec(),
        [&run[..], &[TAG], &gateway].concat(),
        [&run[..], &cli].concat(),
        vec!["image", "rm", TAG],
    ];
    for arguments in commands {
        let mut docker = Command::new("docker");
        docker.args(arguments).current_dir(&root);
        if !supervisor.run(&mut docker)?.success() {
            return Ok(false);
        }
    }
    Ok(true)
}
