//! `ipc migrate`: where routes stand on their way to Kafka, and moving them.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use ipc_core::envelope::UnixMillis;
use ipc_http_shim::migration::record::Command;
use ipc_http_shim::migration::{Backlog, CommandError, Migrations, RouteView, Stage};

use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;
use crate::text;
use crate::time;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The gateways: their `fleet`
    #[arg(
        long,
        global = true,
        env = "IPC_SHIM_FLEET",
        value_name = "NAME",
        default_value = "shim"
    )]
    fleet: String,

    /// JSON instead of a table: one object a route
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// Where every route stands, and what was counted there
    Status {
        /// Only this one
        #[arg(value_name = "ROUTE")]
        route: Option<String>,
    },
    /// On to the next step; a held route goes on by itself again
    Promote {
        #[command(flatten)]
        moved: Moved,
        /// To this stage instead: legacy, shadow, 10%, kafka
        #[arg(long, value_name = "STAGE")]
        to: Option<Stage>,
    },
    /// Back to where the route began, and held there
    Rollback {
        #[command(flatten)]
        moved: Moved,
        /// To this stage instead: legacy, shadow, 10%
        #[arg(long, value_name = "STAGE")]
        to: Option<Stage>,
        /// Of a route without replies: wait so long for its service to work on what is in
        /// its log; without this it is left to it
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        drain: Option<Duration>,
    },
    /// Do not go on by itself any more; it still goes back
    Pause(Moved),
    /// Go on by itself again
    Resume(Moved),
}

#[derive(Debug, Args)]
struct Moved {
    /// The route, by its name in `ipc migrate status`
    #[arg(value_name = "ROUTE")]
    route: String,

    /// Who, or why: every gateway's log says so
    #[arg(long, value_name = "TEXT", default_value = "")]
    by: String,

    /// How long to wait until it is obeyed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    wait: Duration,
}

pub(crate) async fn migrate(args: MigrateArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    let transport = kafka.connect().await?;
    let migrations = Migrations::open(Arc::new(transport), &args.fleet).await?;
    let mut drain = None;
    let (moved, command) = match args.command {
        MigrateCommand::Status { route } => {
            let routes = migrations.routes().await?;
            let routes: Vec<RouteView> = match &route {
                Some(route) => {
                    let known = routes.iter().map(|view| view.name.clone()).collect();
                    let one = routes.into_iter().filter(|view| view.name == *route);
                    let one: Vec<RouteView> = one.collect();
                    if one.is_empty() {
                        let route = route.clone();
                        return Err(unknown(CommandError::UnknownRoute { route, known }));
                    }
                    one
                }
                None => routes,
            };
            show(&routes, args.json)?;
            return Ok(Ended::Well);
        }
        MigrateCommand::Promote { moved, to } => (moved, Command::Promote(to)),
        MigrateCommand::Rollback {
            moved,
            to,
            drain: within,
        } => {
            drain = within;
            (moved, Command::Rollback(to))
        }
        MigrateCommand::Pause(moved) => (moved, Command::Pause),
        MigrateCommand::Resume(moved) => (moved, Command::Resume),
    };
    let Moved { route, by, wait } = moved;
    let written = migrations.command(&route, command, &by).await;
    let offset = written.map_err(unknown)?;
    let (obeyed, view) = migrations.obeyed(&route, offset, wait).await?;
    let backlog = view
        .as_ref()
        .and_then(|view| view.position.as_ref()?.backlog.clone());
    show(&view.into_iter().collect::<Vec<_>>(), args.json)?;
    if !obeyed {
        say("no gateway has obeyed yet: the first that decides will");
        return Ok(Ended::WithRefusals);
    }
    match (command, backlog) {
        (Command::Rollback(_), Some(backlog)) => left(&migrations, &backlog, drain).await,
        _ => Ok(Ended::Well),
    }
}

/// Says what is left to the service of a route without replies, and waits for it.
async fn left(
    migrations: &Migrations,
    backlog: &Backlog,
    drain: Option<Duration>,
) -> Result<Ended, Failure> {
    let service = text::printable(&backlog.service);
    let records = match backlog.records {
        Some(records) => format!("{records} requests"),
        None => "an unknown number of requests".to_owned(),
    };
    say(&format!(
        "when the route went back, {records} in the log of {service} were not worked on: it goes \
         on with them"
    ));
    let Some(within) = drain else {
        return Ok(Ended::Well);
    };
    let left = migrations.drained(&backlog.service, within).await?;
    if left == 0 {
        say(&format!("{service} has worked on all of them"));
        return Ok(Ended::Well);
    }
    let within = humantime::format_duration(within);
    say(&format!("after {within} {left} of them are left"));
    Ok(Ended::WithRefusals)
}

fn say(line: &str) {
    // Nobody to read it changes nothing.
    let _ = writeln!(io::stderr(), "{line}");
}

fn unknown(error: CommandError) -> Failure {
    match error {
        CommandError::UnknownRoute { .. } => Failure::wrong(error.to_string()),
        CommandError::Unread(error) => error.into(),
        error => Failure::broken(error.to_string()),
    }
}

fn show(routes: &[RouteView], json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        for route in routes {
            writeln!(out, "{}", serde_json::to_string(route)?)?;
        }
        return Ok(());
    }
    if routes.is_empty() {
        writeln!(out, "no route of this fleet moves")?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "route", "stage", "since", "gateways", "legacy", "kafka", "failed", "compared", "differ",
        "why",
    ]);
    for route in routes {
        table.add_row(row(route));
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn row(route: &RouteView) -> Vec<String> {
    let counts = &route.counts;
    let position = route.position.as_ref();
    let since = position.map(|position| time::show(UnixMillis(position.since)));
    let why = match (&route.wanted, position) {
        (Some(wanted), _) => format!("{} is not obeyed yet", wanted.command),
        (None, Some(position)) => position.held.as_ref().unwrap_or(&position.why).clone(),
        (None, None) => String::new(),
    };
    vec![
        text::printable(&route.name),
        position.map_or_else(|| "where it begins".to_owned(), |it| it.stage.to_string()),
        since.unwrap_or_default(),
        route.gateways.to_string(),
        counts.legacy.to_string(),
        counts.kafka.to_string(),
        counts.kafka_failed.to_string(),
        counts.compared.to_string(),
        counts.differ().to_string(),
        text::printable(&why),
    ]
}
