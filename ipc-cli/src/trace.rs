//! `ipc trace`.

use std::io::{self, Write as _};

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use ipc_core::envelope::UnixMillis;
use ipc_core::journey::{Journey, Search, Step, What, Whereabouts};
use serde::Serialize;

use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;
use crate::text;
use crate::time;

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The correlation id, as logs, traces and `x-request-id` have it
    #[arg(value_name = "CORRELATION_ID")]
    id: String,

    /// The service that the message was sent to
    #[arg(long)]
    service: String,

    /// The service's consumer group [default: the service's name]
    #[arg(long)]
    group: Option<String>,

    /// A topic that carries requests too, by its whole name; can be repeated
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,

    /// Look from then on: 2026-11-21T08:00:00Z, or 2h for two hours ago [default: a
    /// minute before the id was made where it says so (UUIDv7), else 1h]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<UnixMillis>,

    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn trace(args: TraceArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    let transport = kafka.connect().await?;
    let search = Search::new(&args.service, &args.id);
    let search = args.since.into_iter().fold(search, Search::since);
    let search = args.group.into_iter().fold(search, Search::group);
    let search = args.topic.into_iter().fold(search, Search::topic);
    let journey = search.run(&transport).await?;
    if journey.whereabouts == Whereabouts::Unknown {
        return Err(Failure::wrong(format!(
            "no record of {} tells of {:?}: check the id and the service, or look further back with --since",
            args.service, args.id
        )));
    }
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&Json::of(&journey))?)?;
    } else {
        writeln!(out, "{}", table(&journey.steps))?;
        writeln!(out, "{}", text::printable(&journey.whereabouts.to_string()))?;
    }
    Ok(Ended::Well)
}

fn table(steps: &[Step]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["at", "topic", "place", "what"]);
    for step in steps {
        table.add_row([
            step.at.map(time::show).unwrap_or_default(),
            step.topic.to_string(),
            step.place.to_string(),
            text::printable(&step.what.to_string()),
        ]);
    }
    table
}

#[derive(Debug, Serialize)]
struct Json {
    steps: Vec<JsonStep>,
    whereabouts: &'static str,
    now: String,
}

#[derive(Debug, Serialize)]
struct JsonStep {
    at: Option<String>,
    topic: String,
    place: String,
    kind: &'static str,
    what: String,
}

impl Json {
    fn of(journey: &Journey) -> Self {
        let step = |step: &Step| JsonStep {
            at: step.at.map(time::show),
            topic: step.topic.to_string(),
            place: step.place.to_string(),
            kind: match step.what {
                What::Request { .. } => "request",
                What::Reply { .. } => "reply",
                What::Cancel => "cancel",
                What::Credit { .. } => "credit",
                What::DeadLetter { .. } => "dead-letter",
                What::Parked { .. } => "parked",
                What::Unparked { .. } => "unparked",
                What::Settled { .. } => "settled",
                _ => "other",
            },
            what: step.what.to_string(),
        };
        Self {
            steps: journey.steps.iter().map(step).collect(),
            whereabouts: match journey.whereabouts {
                Whereabouts::Unknown => "unknown",
                Whereabouts::Underway { .. } => "underway",
                Whereabouts::Parked { .. } => "parked",
                Whereabouts::Answering => "answering",
                Whereabouts::Answered { .. } => "answered",
                Whereabouts::Finished => "finished",
                Whereabouts::DeadLettered { .. } => "dead-lettered",
                _ => "other",
            },
            now: journey.whereabouts.to_string(),
        }
    }
}
