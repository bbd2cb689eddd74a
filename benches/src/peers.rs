use std::env;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::raw::Place;
use crate::worker::Worker;

/// Of each of Spring's processes.
const HEAP: &str = "512m";

/// Programs under `benches/peers`, in other languages, that do what a worker does:
/// those that could be built.
#[derive(Args, Debug)]
pub(crate) struct Peers {
    /// The folder of Spring's program, with its classes and libraries
    #[arg(long)]
    spring: Option<PathBuf>,
    /// The program that is a NATS server, service and client
    #[arg(long)]
    nats: Option<PathBuf>,
    /// A peer that takes no part, and why (may be repeated)
    #[arg(long = "without")]
    pub(crate) missing: Vec<String>,
}

impl Peers {
    /// Spring's service and then its client, which are ready and warm; `None` where
    /// it was not built.
    pub(crate) fn spring(&self, place: &Place) -> Result<Option<(Worker, Worker)>> {
        let Some(folder) = &self.spring else {
            return Ok(None);
        };
        let class_path = env::join_paths([folder.join("classes"), folder.join("libraries/*")]);
        let class_path = class_path.context("a folder with a colon is no class path")?;
        let start = |side| {
            let mut java = Command::new("java");
            java.arg(format!("-Xms{HEAP}")).arg(format!("-Xmx{HEAP}"));
            java.arg("-cp").arg(&class_path).args(["bench.Peer", side]);
            java.args([&place.bootstrap, &place.requests, &place.replies]);
            java.arg(&place.linger);
            let started = Worker::start_program(&mut java);
            started.with_context(|| format!("Spring's {side} does not start"))
        };
        let service = start("service")?;
        Ok(Some((service, start("client")?)))
    }

    /// A NATS server, a service and a client of it; `None` where they were not built.
    pub(crate) fn nats(&self) -> Result<Option<[Worker; 3]>> {
        let Some(program) = &self.nats else {
            return Ok(None);
        };
        let server = Worker::start_program(Command::new(program).arg("server"));
        let server = server.context("the NATS server does not start")?;
        let address = server.address()?;
        let service = nats(program.as_os_str(), "service", address)?;
        let client = nats(program.as_os_str(), "client", address)?;
        Ok(Some([server, service, client]))
    }
}

fn nats(program: &OsStr, side: &str, server: SocketAddr) -> Result<Worker> {
    let started = Worker::start_program(Command::new(program).args([side, &server.to_string()]));
    started.with_context(|| format!("the NATS {side} does not start"))
}
