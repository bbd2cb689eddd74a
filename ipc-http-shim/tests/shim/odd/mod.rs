//! Odd requests, byte by byte: what comes back, and what of them reaches the server
//! behind the gateway.

mod bodies;
mod heads;
mod hosts;
mod http2;
mod paths;
mod recorder;

use tokio::sync::mpsc;

use crate::support::{Fake, Raw, Running};

use recorder::Recorder;

/// An odd request, after which another one follows on the same connection.
struct Odd {
    what: &'static str,
    bytes: Vec<u8>,
    /// The statuses of all answers up to the end of the connection. The last is that of
    /// the request behind it, unless the odd one was the last that was read.
    back: &'static str,
    there: There,
}

/// What the server behind the gateway sees of an odd request.
enum There {
    /// Nothing at all.
    Nothing,
    /// A request that has each of these, and none of those.
    Has(&'static [&'static str], &'static [&'static str]),
    /// The begin of it at most, and never its end.
    Begin,
}

const NOTHING: There = There::Nothing;

/// The request that follows, and is the last of its connection.
const NEXT: &str = "GET /next HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n";

fn odd(what: &'static str, bytes: impl AsRef<[u8]>, back: &'static str, there: There) -> Odd {
    Odd {
        what,
        bytes: bytes.as_ref().to_vec(),
        back,
        there,
    }
}

/// A request whose head has these lines between its first one and its end.
fn head(first: &str, lines: &str) -> String {
    let lines: String = lines.split('|').map(|line| format!("{line}\r\n")).collect();
    format!("{first}\r\n{lines}\r\n")
}

/// A GET with these lines in its head.
fn get(lines: &str) -> String {
    head("GET /odd HTTP/1.1", lines)
}

/// Sends each to a gateway before a server that keeps what it sees, and what does not
/// reach it to one before services, too.
async fn each_is_answered_as_told(table: Vec<Odd>) {
    let mut behind = Recorder::start().await;
    let before = Running::start_before("", Fake::silent(), behind.address).await;
    let route = "[[routes]]\npath = \"/{*any}\"\nservice = \"orders\"\n";
    let (ask, mut asked) = mpsc::channel(64);
    let services = Fake::telling(move |seen| {
        let path = seen.head.uri.path().to_owned();
        ask.try_send(path)
            .map_or_else(|full| full.to_string(), |()| "ok".to_owned())
    });
    let to_service = Running::start_before(route, services, behind.address).await;
    let mut wrong = Vec::new();
    for Odd {
        what,
        bytes,
        back,
        there,
    } in table
    {
        let answers = statuses_of(&before, &bytes).await;
        if answers != back {
            wrong.push(format!("{what}: {answers:?} came back, not {back:?}"));
        }
        wrong.extend(complaints(what, &there, &behind.seen()));
        if matches!(there, There::Has(..)) {
            continue;
        }
        let answers = statuses_of(&to_service, &bytes).await;
        if answers != back {
            wrong.push(format!("{what}: {answers:?} came back from a service"));
        }
        while let Ok(path) = asked.try_recv() {
            if path != "/next" {
                wrong.push(format!("{what}: it reached a service"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with what the server has seen, beside the request that follows.
fn complaints(what: &str, there: &There, seen: &[String]) -> Vec<String> {
    let mut odd = seen
        .iter()
        .filter(|request| !request.starts_with("GET /next "));
    let (only, others) = (odd.next(), odd.count());
    match (there, only) {
        (There::Nothing | There::Begin, None) => Vec::new(),
        (There::Begin, Some(only)) if others == 0 && !only.contains("\r\n0\r\n") => Vec::new(),
        (There::Has(has, lacks), Some(only)) if others == 0 => {
            let lower = only.to_ascii_lowercase();
            let missing = has.iter().filter(|text| !only.contains(**text));
            let hidden = lacks.iter().filter(|text| lower.contains(**text));
            missing
                .chain(hidden)
                .map(|text| format!("{what}: {text:?} is not as told in {only:?}"))
                .collect()
        }
        _ => vec![format!("{what}: the server saw {seen:?}")],
    }
}

/// The statuses of all that comes back for these bytes and the request behind them.
async fn statuses_of(shim: &Running, bytes: &[u8]) -> String {
    let mut client = Raw::open(shim.address).await;
    client.send([bytes, NEXT.as_bytes()].concat()).await;
    statuses(&client.rest().await)
}

fn statuses(text: &str) -> String {
    let answers = text.split("HTTP/1.").skip(1);
    let statuses: Vec<&str> = answers.filter_map(|it| it.split(' ').nth(1)).collect();
    statuses.join(" ")
}
