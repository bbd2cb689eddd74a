//! One line for each hop of each message.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use axum::http::StatusCode;
use ipc_core::envelope::control::Control;
use ipc_core::envelope::{CorrelationId, Headers, names};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::terminal::Line;

/// Lines that may wait for a slow terminal; more are dropped.
const WAITING: usize = 1024;
/// Messages whose first hop is remembered.
const REMEMBERED: usize = 1024;

/// Takes hops from every part of the system, on any thread, and never blocks.
#[derive(Clone, Debug)]
pub(crate) struct Hops {
    lines: mpsc::Sender<Line>,
    begun: Arc<Mutex<Begun>>,
}

/// When messages made their first hop.
#[derive(Debug, Default)]
struct Begun {
    at: HashMap<CorrelationId, Instant>,
    order: VecDeque<CorrelationId>,
}

/// Which way a record goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    ToLog,
    FromLog,
}

/// A record at one place of the log.
#[derive(Debug)]
pub(crate) struct Hop {
    /// What the record is, in few words.
    what: String,
    id: CorrelationId,
    at: Instant,
    /// Since its message made its first hop.
    since: Duration,
}

impl Hops {
    /// Hops, and the lines they become.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Line>) {
        let (lines, printed) = mpsc::channel(WAITING);
        let begun = Arc::default();
        (Self { lines, begun }, printed)
    }

    /// What there is to tell of a record: nothing of those that belong to no message.
    pub(crate) fn of(&self, headers: &Headers) -> Option<Hop> {
        let (what, id) = match Control::parse(headers) {
            Some(Control::Cancel { correlation_id, .. }) => ("cancel".to_owned(), correlation_id),
            Some(Control::Credit {
                correlation_id,
                bytes,
                ..
            }) => (format!("credit, {bytes} bytes read"), correlation_id),
            Some(_) => return None,
            None => (
                what(headers)?,
                headers.get(names::CORRELATION_ID)?.clone().into(),
            ),
        };
        let at = Instant::now();
        let since = at - self.begun.lock().first(&id, at);
        Some(Hop {
            what,
            id,
            at,
            since,
        })
    }

    /// A record has a place in the log, or was read from there.
    pub(crate) fn over_kafka(&self, who: &str, way: Way, place: &str, hop: &Hop) {
        let (arrow, color) = match way {
            Way::ToLog => ("->", AnsiColor::Cyan),
            Way::FromLog => ("<-", AnsiColor::Green),
        };
        let hopped = format!("{who:>6} {arrow} {place:<20}");
        let Hop {
            what, id, since, ..
        } = hop;
        let since = millis(*since);
        self.say_at(
            hop.at,
            colored(color, &hopped, &format!("{what:<29} +{since:>6} ms  {id}")),
        );
    }

    /// A request was answered without Kafka.
    pub(crate) fn over_http(&self, who: &str, what: &str, status: StatusCode, took: Duration) {
        let hopped = format!("{who:>6} <- {:<20}", "http");
        let took = millis(took);
        self.say(colored(
            AnsiColor::Yellow,
            &hopped,
            &format!("{what}, {status} in {took} ms"),
        ));
    }

    /// Something else took place just now.
    pub(crate) fn say(&self, text: String) {
        self.say_at(Instant::now(), text);
    }

    fn say_at(&self, at: Instant, text: String) {
        // A terminal that does not keep up misses lines; nothing waits for it.
        let _ = self.lines.try_send(Line { at, text });
    }
}

fn colored(color: AnsiColor, hop: &str, rest: &str) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{hop}{style:#} {rest}")
}

fn millis(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}

impl Begun {
    /// When the message made its first hop: now, where it is new.
    fn first(&mut self, id: &CorrelationId, now: Instant) -> Instant {
        if let Some(begun) = self.at.get(id) {
            return *begun;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.at.remove(&oldest);
        }
        self.at.insert(id.clone(), now);
        self.order.push_back(id.clone());
        now
    }
}

/// A request's method and path, or a reply's status and position.
fn what(headers: &Headers) -> Option<String> {
    if let Some(method) = headers.get_str(names::METHOD) {
        return Some(format!(
            "{method} {}",
            headers.get_str(names::PATH).unwrap_or_default()
        ));
    }
    let last = if headers.contains(names::END) {
        ", the last"
    } else {
        ""
    };
    match (headers.get_str(names::STATUS), headers.get_str(names::SEQ)) {
        (Some(status), Some(seq)) => Some(format!("reply {status}, record {seq}{last}")),
        (Some(status), None) => Some(format!("reply {status}")),
        (None, Some(seq)) => Some(format!("reply, record {seq}{last}")),
        (None, None) => None,
    }
}
