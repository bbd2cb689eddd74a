//! What the tests need of this machine beside Rust and a C compiler.

use std::{
    env,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Result, ensure};
use xtask::{program, redis};

use crate::{docker, supervisor::Supervisor};

/// A program that the tests run.
struct Needed {
    /// What it is called, where it has several names.
    names: &'static [&'static str],
    /// What it is, as somebody who has to find it would call it.
    product: &'static str,
    purpose: &'static str,
    /// Packages of Debian and Ubuntu that have it: the first that a release knows.
    packages: &'static [&'static str],
    /// What the package would run from now on, which the tests do not need: they start their own.
    service: &'static str,
    /// Whether the tests do without it on the path.
    spared: fn() -> bool,
}

const NEEDED: &[Needed] = &[
    Needed {
        names: &["java"],
        product: "a Java runtime, version 17 or newer",
        purpose: "runs the tests' Kafka",
        packages: &["openjdk-21-jre-headless", "openjdk-17-jre-headless"],
        service: "",
        spared: has_other_kafka,
    },
    Needed {
        names: &["mvn"],
        product: "Apache Maven",
        purpose: "downloads that Kafka, once",
        packages: &["maven"],
        service: "",
        spared: has_other_kafka,
    },
    Needed {
        names: &redis::PROGRAMS,
        product: "Redis 5 or newer, or Valkey",
        purpose: "keeps what the tests of its dedup store put there",
        packages: &["redis-server"],
        service: "redis-server",
        spared: || false,
    },
    Needed {
        names: &["postgres"],
        product: "PostgreSQL",
        purpose: "keeps what the tests of its inbox put there",
        packages: &["postgresql"],
        service: "postgresql",
        spared: has_postgres_of_debian,
    },
    Needed {
        names: &["node"],
        product: "Node 18 or newer",
        purpose: "runs an example of the worker",
        packages: &["nodejs"],
        service: "",
        spared: || false,
    },
    Needed {
        names: &["python3"],
        product: "Python 3.10 or newer",
        purpose: "runs another",
        packages: &["python3"],
        service: "",
        spared: || false,
    },
    Needed {
        names: &["curl"],
        product: "curl 7.50 or newer",
        purpose: "asks the gateway as people do",
        packages: &["curl"],
        service: "",
        spared: || false,
    },
    Needed {
        names: &[
            "chromium-headless-shell",
            "chromium",
            "chromium-browser",
            "google-chrome",
        ],
        product: "Chromium",
        purpose: "goes on with a stream of events as browsers do",
        packages: &["chromium-headless-shell", "chromium"],
        service: "",
        spared: || false,
    },
];

/// Installs with root's rights: first come the services that shall not run, then lists of packages, of each of
/// which the first is taken that this release knows. That no service starts is said in a file, as is Debian's
/// convention; where there is one already it is left as it is.
const INSTALL: &str = r#"
set -eu
services=$1; shift
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
chosen=
for packages in "$@"; do
    for package in $packages; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            break
        fi
    done
    chosen="$chosen $package"
done
apt-get install --yes --quiet --no-install-recommends $chosen
if [ -n "$services" ] && command -v systemctl >/dev/null; then
    systemctl disable --quiet $services || echo "may start with the machine: $services" >&2
fi
"#;

/// Installs what is missing, where the machine has apt and lets this be root; else names it.
pub(crate) fn run(supervisor: &mut Supervisor) -> Result<ExitCode> {
    let missing = missing();
    if missing.is_empty() {
        println!("nothing is missing: `cargo xtask test` can run");
        return Ok(ExitCode::SUCCESS);
    }
    match root_shell() {
        Some(shell) if program::on_path(&["apt-get"]).is_some() => {
            if let Err(error) = install(supervisor, shell, &missing) {
                eprintln!("{error:#}");
            }
        }
        Some(_) => eprintln!("there is no apt-get here"),
        None => eprintln!("this is not root, and `sudo -n` does not make it root"),
    }
    let missing = self::missing();
    if missing.is_empty() {
        println!("everything is installed: `cargo xtask test` can run");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("install, and put on the path:");
    for needed in missing {
        let names: Vec<_> = needed
            .names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        eprintln!(
            "  {}: {} ({}; on Debian and Ubuntu the package {})",
            names.join(" or "),
            needed.product,
            needed.purpose,
            needed.packages.join(" or ")
        );
    }
    Ok(ExitCode::FAILURE)
}

fn missing() -> Vec<&'static Needed> {
    let absent = |needed: &&Needed| program::on_path(needed.names).is_none() && !(needed.spared)();
    NEEDED.iter().filter(absent).collect()
}

/// A shell with root's rights.
fn root_shell() -> Option<Command> {
    if rustix::process::geteuid().is_root() {
        return Some(Command::new("sh"));
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let allowed = sudo.status().is_ok_and(|status| status.success());
    allowed.then(|| {
        let mut shell = Command::new("sudo");
        shell.args(["-n", "sh"]);
        shell
    })
}

fn install(supervisor: &mut Supervisor, mut shell: Command, missing: &[&Needed]) -> Result<()> {
    let products: Vec<_> = missing.iter().map(|needed| needed.product).collect();
    println!("installing {}", products.join("; "));
    let packages = missing.iter().map(|needed| needed.packages.join(" "));
    let services: Vec<_> = missing.iter().map(|needed| needed.service).collect();
    shell
        .args(["-c", INSTALL, "sh"])
        .arg(services.join(" ").trim())
        .args(packages);
    let status = supervisor.run(&mut shell)?;
    ensure!(status.success(), "apt-get ended with {status}");
    Ok(())
}

/// Whether `cargo xtask test` takes its Kafka from somebody who runs one, or from Docker.
fn has_other_kafka() -> bool {
    env::var_os("KAFKA_BOOTSTRAP_SERVERS").is_some() || docker::answers()
}

/// Debian keeps the servers of several versions side by side, and none on the path.
fn has_postgres_of_debian() -> bool {
    let Ok(versions) = Path::new("/usr/lib/postgresql").read_dir() else {
        return false;
    };
    versions
        .filter_map(Result::ok)
        .any(|version| program::can_be_run(&version.path().join("bin/postgres")))
}
