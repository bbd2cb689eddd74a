//! `ipc dlq show`.

use std::io::{self, Write};

use clap::Args;
use futures_util::TryStreamExt as _;
use ipc_core::redrive::{DeadLetter, Filter, Place};

use super::Target;
use super::letter::{Full, endpoint};
use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;
use crate::text;
use crate::time;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    target: Target,

    /// The letters, by partition and offset: 3:17
    #[arg(long = "letter", required = true, value_name = "PARTITION:OFFSET")]
    letters: Vec<Place>,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn show(args: ShowArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    let letters = args.target.open(kafka).await?;
    let places = args.letters.iter().copied();
    let filter = places.fold(Filter::new().states([]), Filter::place);
    let mut missing = args.letters.clone();
    let mut shown = letters.list(filter).await?;
    while let Some(letter) = shown.try_next().await? {
        missing.retain(|place| *place != letter.place());
        let mut out = io::stdout().lock();
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&Full::of(&letter))?)?;
        } else {
            write(&mut out, &letter)?;
        }
    }
    match missing.first() {
        None => Ok(Ended::Well),
        Some(place) => Err(Failure::wrong(format!(
            "there is no letter at {place}: `ipc dlq list --state any` names those that are there"
        ))),
    }
}

fn write(out: &mut impl Write, letter: &DeadLetter) -> io::Result<()> {
    writeln!(out, "letter {}, {}", letter.place(), letter.state())?;
    let mut line = |name: &str, value: Option<String>| match value {
        Some(value) => writeln!(out, "  {name:<10} {value}"),
        None => Ok(()),
    };
    line(
        "endpoint",
        Some(endpoint(letter)).filter(|it| !it.is_empty()),
    )?;
    line("reason", Some(text::printable(letter.reason())))?;
    line("message", letter.message().map(text::printable))?;
    line("failed at", letter.failed_at().map(time::show))?;
    line("attempts", letter.attempts().map(|it| it.to_string()))?;
    line("replays", Some(letter.replays().to_string()))?;
    line("given up by", letter.service().map(text::printable))?;
    let origin = letter.topic().map(|topic| {
        let place = letter.original_place().map(|it| format!(" {it}"));
        text::printable(topic) + &place.unwrap_or_default()
    });
    line("came from", origin)?;
    line("cut", letter.cut().map(text::printable))?;
    line("redacted", letter.redacted().map(text::printable))?;
    let envelope = letter.envelope();
    line("key", envelope.key.as_deref().map(text::shown))?;
    writeln!(out, "  headers")?;
    for header in &envelope.headers {
        let value = header.value.as_deref().map(text::shown);
        let value = value.unwrap_or_else(|| "null".to_owned());
        writeln!(out, "    {}: {value}", text::printable(&header.name))?;
    }
    match envelope.payload.as_deref() {
        Some(payload) => {
            writeln!(out, "  payload, {} bytes", payload.len())?;
            writeln!(out, "    {}", text::shown(payload))
        }
        None => writeln!(out, "  no payload"),
    }
}
