//! `ipc dlq list`.

use std::io::{self, Write as _};

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use futures_util::TryStreamExt as _;
use ipc_core::redrive::{DeadLetter, Letters};

use super::Target;
use super::filter::FilterArgs;
use super::letter::{Summary, endpoint};
use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;
use crate::text;
use crate::time;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    filter: FilterArgs,

    /// Most letters in the table
    #[arg(long, default_value_t = 100, conflicts_with = "json")]
    limit: usize,

    /// One JSON object a line, every letter
    #[arg(long)]
    json: bool,
}

pub(super) async fn list(args: ListArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    let letters = args.target.open(kafka).await?;
    let listed = letters.list(args.filter.filter()).await?;
    args.filter.check(listed.reasons())?;
    if args.json {
        lines(listed).await?;
    } else {
        table(listed, args.limit).await?;
    }
    Ok(Ended::Well)
}

async fn lines(mut letters: Letters) -> Result<(), Failure> {
    while let Some(letter) = letters.try_next().await? {
        let line = serde_json::to_string(&Summary::of(&letter))?;
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}

async fn table(mut letters: Letters, limit: usize) -> Result<(), Failure> {
    let count = letters.count();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "letter",
        "failed at",
        "reason",
        "replays",
        "endpoint",
        "key",
        "came from",
        "state",
    ]);
    let mut shown = 0;
    while shown < limit
        && let Some(letter) = letters.try_next().await?
    {
        table.add_row(row(&letter));
        shown += 1;
    }
    let mut out = io::stdout().lock();
    if shown > 0 {
        writeln!(out, "{table}")?;
    }
    let noun = if count == 1 { "letter" } else { "letters" };
    match count.saturating_sub(shown) {
        0 => writeln!(out, "{count} {noun}")?,
        more => writeln!(out, "{count} {noun}, {more} not shown: --limit shows more")?,
    }
    Ok(())
}

fn row(letter: &DeadLetter) -> [String; 8] {
    let key = letter.envelope().key.as_deref();
    let topic = letter.topic().map(text::printable).unwrap_or_default();
    [
        letter.place().to_string(),
        letter.failed_at().map(time::show).unwrap_or_default(),
        text::printable(letter.reason()),
        letter.replays().to_string(),
        endpoint(letter),
        key.map(text::shown).unwrap_or_default(),
        match letter.original_place() {
            Some(place) => format!("{topic} {place}"),
            None => topic,
        },
        letter.state().to_string(),
    ]
}
