//! `[routes.websocket]`: how the WebSockets of a route are spoken.

use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use super::mistake::{Located, Report};
use super::rewriting::{self, PathRewrite, Wrong};
use super::section::Section;
use super::value::Bytes;

pub(super) const KEYS: &[&str] = &["messages", "message_bytes", "ping", "lifetime"];

/// How the WebSockets of a route are spoken.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WebSocket {
    /// The path that each message of a client is sent to, as a POST that nobody answers.
    /// Default: none is taken, and a message ends its WebSocket.
    pub messages: Option<PathRewrite>,
    /// Bytes of one message of a client; more ends its WebSocket. Default: 64 KiB.
    pub message_bytes: usize,
    /// How often a client is asked whether it is still there: one that has not answered by
    /// the next time, or has taken nothing for as long, is gone. Default: 20 s.
    pub ping: Duration,
    /// How long one may last. Default: without bound.
    pub lifetime: Option<Duration>,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            messages: None,
            message_bytes: 64 * 1024,
            ping: Duration::from_secs(20),
            lifetime: None,
        }
    }
}

impl WebSocket {
    /// What keeps it from being used on a route for `path`.
    pub(crate) fn fault(&self, path: &str) -> Option<Wrong> {
        let (what, mend) = self.messages.as_ref()?.fault(path)?;
        Some((format!("messages {what}"), mend))
    }
}

/// Reads how the WebSockets of a route for `path` are spoken.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    path: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> WebSocket {
    let section = Section::open("[routes.websocket]", table, span, KEYS, report);
    let mut websocket = WebSocket {
        messages: rewriting::read_path(&section, "messages", path, report),
        ..WebSocket::default()
    };
    if let Some(bytes) = section.value::<Bytes>("message_bytes", report) {
        websocket.message_bytes = bytes.value.0;
    }
    if let Some(ping) = section.value("ping", report) {
        websocket.ping = ping.value;
    }
    websocket.lifetime = section.value("lifetime", report).map(|read| read.value);
    websocket
}
