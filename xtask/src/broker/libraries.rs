//! The Java libraries of a Kafka broker, from Maven Central into the user's cache folder.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::KAFKA_VERSION;
use crate::{cache, program};

/// Binds Kafka's logging to Log4j, which it does not do by itself: without it the broker logs nothing.
const LOG_BINDING_VERSION: &str = "2.25.4";

/// The class path of a broker, downloaded by the first who asks; others wait for that one.
pub(super) fn class_path() -> Result<String> {
    let cache = cache::folder()?;
    let folder = cache.join(format!("kafka-{KAFKA_VERSION}-log4j-{LOG_BINDING_VERSION}"));
    let lock = cache.join("kafka.lock");
    let lock = File::create(&lock).with_context(|| format!("cannot create {}", lock.display()))?;
    lock.lock().context("cannot lock the cache folder")?;
    if !folder.exists() {
        download(&cache, &folder)?;
    }
    Ok(format!("{}/*", folder.display()))
}

/// Downloads into a folder beside `folder`, then renames: `folder` is whole as soon as it exists.
fn download(cache: &Path, folder: &Path) -> Result<()> {
    let partial = tempfile::Builder::new()
        .prefix("partial-")
        .tempdir_in(cache)
        .with_context(|| format!("cannot create a folder in {}", cache.display()))?;
    let pom = partial.path().join("pom.xml");
    fs::write(&pom, project()).with_context(|| format!("cannot write {}", pom.display()))?;
    let libraries = partial.path().join("libraries");
    let output = Command::new("mvn")
        .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
        .arg("--file")
        .arg(&pom)
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", libraries.display()))
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => elsewhere(&program::absent("mvn", "Apache Maven")),
            _ => anyhow::Error::from(error).context("cannot run mvn"),
        })?;
    if !output.status.success() {
        bail!(
            "mvn could not download kafka {KAFKA_VERSION} ({}): check the network and Maven's settings\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::rename(&libraries, folder)
        .with_context(|| format!("cannot move the libraries to {}", folder.display()))
}

/// The error for a program that is not there, with the other ways to a Kafka.
pub(super) fn elsewhere(absent: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{absent}, or start a Docker daemon, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs already"
    )
}

fn project() -> String {
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ipc</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG_BINDING_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"#
    )
}
