//! A small complete system in one terminal: a broker, the orders service, a
//! legacy HTTP server, and the gateway in front of both.
//!
//! Run with: `cargo demo`, or `cargo demo --once` to have it ask itself, or `cargo demo
//! migrate` for the story of a route that moves to Kafka and back.
//!
//! You see lines for curl to paste, and one line for each hop of each message:
//! who wrote or read which record, what it is, how long after the message's first
//! hop, and its correlation id.
//!
//! `KAFKA_BOOTSTRAP_SERVERS` names a real broker to run on; without it the broker
//! is in this process. `NO_COLOR` is honoured.

mod exchange;
mod hops;
mod legacy;
mod migrate;
mod orders;
mod system;
mod terminal;
mod watched;

use std::net::SocketAddr;
use std::process::ExitCode;

use anstream::println;
use clap::{Parser, Subcommand};
use ipc_core::service::shutdown_signal;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use hops::Hops;
use system::System;

/// A small complete system in one terminal.
#[derive(Parser)]
struct Args {
    /// Ask everything, check every answer, and end; fails where one is wrong
    #[arg(long)]
    once: bool,
    /// Where the gateway listens [default: 127.0.0.1:8080; with --once a free port]
    #[arg(long)]
    listen: Option<SocketAddr>,
    #[command(subcommand)]
    story: Option<Story>,
}

#[derive(Subcommand)]
enum Story {
    /// A route moves from a legacy server to Kafka and back, by itself and by hand
    Migrate,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    if let Some(Story::Migrate) = args.story {
        return migrate::run().await;
    }
    let begun = Instant::now();
    let free_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let listen = args.listen.or(args.once.then_some(free_port));
    let (hops, lines) = Hops::new();
    let system = System::start(listen, &hops).await?;
    let mut printing = JoinSet::new();
    banner(&system, begun);
    printing.spawn(terminal::print(lines));
    let code = if args.once {
        once(&system, &hops).await?
    } else {
        shutdown_signal().await;
        ExitCode::SUCCESS
    };
    system.stop().await;
    drop(hops);
    printing.join_all().await;
    Ok(code)
}

fn banner(system: &System, begun: Instant) {
    println!(
        "orders and its gateway are up after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "gateway http://{}, Kafka {}",
        system.address(),
        system.kafka()
    );
    for exchange in &exchange::ALL {
        println!(
            "\n# {}\n{}",
            exchange.shows,
            exchange.curl(system.address())
        );
    }
    println!();
}

/// Asks everything, and tells whether all answers were right.
async fn once(system: &System, hops: &Hops) -> anyhow::Result<ExitCode> {
    let mut wrong = 0;
    for exchange in &exchange::ALL {
        let (answer, right) = exchange.ask(system.address()).await?;
        let verdict = if right { "right" } else { "WRONG" };
        hops.say(format!(
            "{}: {verdict}\n{}\n",
            exchange.shows,
            answer.trim_end()
        ));
        wrong += usize::from(!right);
    }
    let all = exchange::ALL.len();
    hops.say(format!("{} of {all} answers are right", all - wrong));
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
