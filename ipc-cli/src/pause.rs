//! `ipc pause` and `ipc resume`.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use ipc_core::envelope::pause::PauseScope;
use ipc_core::pause::{Instance, Paused, Pauses};
use serde::Serialize;

use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;
use crate::text;
use crate::time;

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 512;

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    what: What,

    /// Why: the readiness body and the log of every instance say so
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    what: What,
}

/// What is paused or resumed, and how it is told.
#[derive(Debug, Args)]
struct What {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,

    /// Only this endpoint, by its name in metrics: 'POST /orders/{id}'; can be
    /// repeated [default: the whole service]
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Vec<String>,

    /// How long to wait for every instance to obey
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    wait: Duration,

    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn pause(args: PauseArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    change(&args.what, Some(&args.reason), kafka).await
}

pub(crate) async fn resume(args: ResumeArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    change(&args.what, None, kafka).await
}

async fn change(what: &What, reason: Option<&str>, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    let scopes = what.scopes(reason)?;
    let transport = kafka.connect().await?;
    let pauses = Pauses::open(Arc::new(transport), &what.service).await?;
    let change = match reason {
        Some(reason) => pauses.pause(&scopes, reason).await?,
        None => pauses.resume(&scopes).await?,
    };
    let told = Told {
        instances: change.obeyed(what.wait).await,
        paused: pauses.paused().await?,
    };
    let mut out = io::stdout().lock();
    if what.json {
        let line = serde_json::to_string(&Json::of(what, reason.is_some(), &told))?;
        writeln!(out, "{line}")?;
    } else {
        told.print(&mut out)?;
    }
    Ok(match told.instances.iter().all(obeys) {
        true => Ended::Well,
        false => Ended::WithRefusals,
    })
}

impl What {
    /// Every mistake at once.
    fn scopes(&self, reason: Option<&str>) -> Result<Vec<PauseScope>, Failure> {
        let mut mistakes = Vec::new();
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.service.is_empty() || !self.service.chars().all(legal) {
            mistakes.push(format!(
                "{:?} is no name of a service: use letters, digits, dots, underscores and dashes",
                self.service
            ));
        }
        for endpoint in &self.endpoint {
            if !is_endpoint(endpoint) {
                mistakes.push(format!(
                    "{endpoint:?} is no endpoint: write 'POST /orders/{{id}}', or 'topic NAME', \
                     as metrics have it"
                ));
            }
        }
        if reason.is_some_and(|reason| reason.len() > LONGEST_REASON) {
            mistakes.push(format!(
                "the reason has more than {LONGEST_REASON} bytes: shorten it"
            ));
        }
        if !mistakes.is_empty() {
            return Err(Failure::wrong(mistakes.join("; ")));
        }
        if self.endpoint.is_empty() {
            return Ok(vec![PauseScope::Service]);
        }
        let endpoints = self.endpoint.iter().map(String::as_str);
        Ok(endpoints.map(PauseScope::from).collect())
    }
}

fn is_endpoint(name: &str) -> bool {
    if name.chars().any(char::is_control) {
        return false;
    }
    match name.split_once(' ') {
        Some(("topic", topic)) => !topic.is_empty(),
        Some((method, path)) => {
            let is_method = |c: char| c.is_ascii_uppercase();
            !method.is_empty() && method.chars().all(is_method) && path.starts_with('/')
        }
        // What a service says of requests that no endpoint is for.
        None => name == "other",
    }
}

fn obeys(instance: &Instance) -> bool {
    instance.obeys && instance.unknown.is_empty()
}

/// What came of it.
struct Told {
    instances: Vec<Instance>,
    /// Everything that is paused now.
    paused: Vec<Paused>,
}

impl Told {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.instances.is_empty() {
            let mut table = Table::new();
            table
                .load_style(UTF8_FULL_CONDENSED)
                .set_header(["instance", "partitions", "obeys"]);
            for instance in &self.instances {
                table.add_row([
                    text::printable(&instance.name),
                    instance.partitions.len().to_string(),
                    verdict(instance),
                ]);
            }
            writeln!(out, "{table}")?;
        }
        let obeying = self.instances.iter().filter(|it| obeys(it)).count();
        match self.instances.len() {
            0 => writeln!(out, "no instance is heard: each obeys when it starts")?,
            all => writeln!(out, "{obeying} of {all} instances obey")?,
        }
        if self.paused.is_empty() {
            return writeln!(out, "nothing is paused");
        }
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_header(["paused", "since", "reason"]);
        for paused in &self.paused {
            table.add_row([
                what(&paused.scope),
                paused.since.map(time::show).unwrap_or_default(),
                text::printable(&paused.reason),
            ]);
        }
        writeln!(out, "{table}")
    }
}

fn verdict(instance: &Instance) -> String {
    if !instance.obeys {
        return "not yet, or its release knows no pauses".to_owned();
    }
    if instance.unknown.is_empty() {
        return "yes".to_owned();
    }
    let unknown: Vec<String> = instance.unknown.iter().map(what).collect();
    format!("it has no {}", unknown.join(", "))
}

fn what(scope: &PauseScope) -> String {
    match scope {
        PauseScope::Service => "the whole service".to_owned(),
        PauseScope::OneEndpoint(name) => text::printable(name),
    }
}

#[derive(Debug, Serialize)]
struct Json<'a> {
    action: &'static str,
    service: &'a str,
    instances: Vec<JsonInstance<'a>>,
    paused: Vec<JsonPaused<'a>>,
}

#[derive(Debug, Serialize)]
struct JsonInstance<'a> {
    instance: &'a str,
    partitions: Vec<i32>,
    obeys: bool,
    unknown: Vec<&'a str>,
}

/// `endpoint` is null where the whole service is paused.
#[derive(Debug, Serialize)]
struct JsonPaused<'a> {
    endpoint: Option<&'a str>,
    since: Option<String>,
    reason: &'a str,
}

impl<'a> Json<'a> {
    fn of(what: &'a What, pauses: bool, told: &'a Told) -> Self {
        let instance = |instance: &'a Instance| JsonInstance {
            instance: &instance.name,
            partitions: instance.partitions.iter().copied().collect(),
            obeys: instance.obeys,
            unknown: instance.unknown.iter().map(PauseScope::as_str).collect(),
        };
        let paused = |paused: &'a Paused| JsonPaused {
            endpoint: match &paused.scope {
                PauseScope::Service => None,
                PauseScope::OneEndpoint(name) => Some(name),
            },
            since: paused.since.map(time::show),
            reason: &paused.reason,
        };
        Self {
            action: if pauses { "pause" } else { "resume" },
            service: &what.service,
            instances: told.instances.iter().map(instance).collect(),
            paused: told.paused.iter().map(paused).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(service: &str, endpoints: &[&str]) -> What {
        What {
            service: service.to_owned(),
            endpoint: endpoints.iter().map(|&name| name.to_owned()).collect(),
            wait: Duration::from_secs(10),
            json: false,
        }
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let long = "x".repeat(513);
        let what = asked("or ders", &["/orders", "POST /orders", "post /orders"]);
        let told = what.scopes(Some(&long)).unwrap_err().to_string();
        for part in [
            "\"or ders\"",
            "\"/orders\"",
            "\"post /orders\"",
            "512 bytes",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("\"POST /orders\""), "{told}");
    }

    #[test]
    fn without_an_endpoint_it_is_the_whole_service() {
        assert_eq!(
            asked("orders", &[]).scopes(None).unwrap(),
            [PauseScope::Service]
        );
        let named = asked("orders", &["POST /orders/{id}", "topic orders.imported"]);
        assert_eq!(
            named.scopes(None).unwrap(),
            [
                PauseScope::from("POST /orders/{id}"),
                PauseScope::from("topic orders.imported")
            ]
        );
    }
}
