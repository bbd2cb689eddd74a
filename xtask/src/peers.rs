//! Programs in other languages that the benchmarks are compared with, built where their toolchains are.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use xtask::program;

use crate::{supervisor::Supervisor, workspace};

/// One of them.
struct Peer {
    name: &'static str,
    /// By which the benchmarks are told where it is.
    flag: &'static str,
    /// The programs it takes, and the products they come with.
    toolchain: &'static [(&'static str, &'static str)],
    /// How it is built in the workspace at this folder, and what comes of it.
    build: fn(&Path) -> (Command, PathBuf),
}

const ALL: [Peer; 2] = [
    Peer {
        name: "Spring",
        flag: "--spring",
        toolchain: &[
            ("java", "a JDK, version 17 or newer"),
            ("mvn", "Apache Maven"),
        ],
        build: spring,
    },
    Peer {
        name: "NATS",
        flag: "--nats",
        toolchain: &[("go", "Go")],
        build: nats,
    },
];

/// Builds those whose toolchain is there. Returns what the benchmarks are to be told: where each is, or why it
/// takes no part.
pub(crate) fn build(supervisor: &mut Supervisor) -> Result<Vec<OsString>> {
    let root = workspace::root()?;
    let mut told = Vec::new();
    for peer in ALL {
        if let Some(reason) = peer.missing()? {
            told.extend(["--without".into(), reason.into()]);
            continue;
        }
        let (mut command, built) = (peer.build)(&root);
        let status = supervisor.run(&mut command)?;
        let name = peer.name;
        ensure!(
            status.success(),
            "the peer {name} could not be built ({status}): see what its toolchain says above"
        );
        told.extend([peer.flag.into(), built.into()]);
    }
    Ok(told)
}

impl Peer {
    /// Why it cannot be built, if it cannot.
    fn missing(&self) -> Result<Option<String>> {
        for (program, product) in self.toolchain {
            if let Some(absent) = program::missing(program, product)? {
                return Ok(Some(format!("{} is left out: {absent}", self.name)));
            }
        }
        Ok(None)
    }
}

/// Its `pom.xml` says that all of it goes to this folder.
fn spring(root: &Path) -> (Command, PathBuf) {
    let mut mvn = Command::new("mvn");
    mvn.args(["--quiet", "--batch-mode", "-Dstyle.color=never", "--file"])
        .arg(root.join("benches/peers/spring/pom.xml"))
        .args(["clean", "package"]);
    (mvn, root.join("target/peers/spring"))
}

fn nats(root: &Path) -> (Command, PathBuf) {
    let program = root.join("target/peers/nats");
    let mut go = Command::new("go");
    go.args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(root.join("benches/peers/nats"));
    (go, program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(toolchain: &'static [(&'static str, &'static str)]) -> Peer {
        Peer {
            name: "Other",
            flag: "--other",
            toolchain,
            build: nats,
        }
    }

    #[test]
    fn a_missing_toolchain_is_named() {
        let peer = peer(&[("cargo", "Rust"), ("no-such-compiler", "its compiler")]);
        let reason = peer.missing().expect("programs can be looked for");
        let expected =
            "Other is left out: `no-such-compiler` is not on the path: install its compiler";
        assert_eq!(reason.as_deref(), Some(expected));
    }

    #[test]
    fn a_toolchain_that_is_there_is_not_missing() {
        let missing = peer(&[("cargo", "Rust")]).missing();
        assert_eq!(missing.expect("programs can be looked for"), None);
    }
}
