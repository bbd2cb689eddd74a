//! The access log: one line for each request, once its answer has gone.
//!
//! Lines are written by a thread of their own. Where that does not keep up they are
//! dropped and counted: a full disk holds up no request.

mod entry;
mod line;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::Request;
use prometheus_client::metrics::counter::Counter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::config::{self, LogOutput, PeerShown};
use crate::peer::Peer;

pub(crate) use entry::Entry;

/// How many lines may wait to be written.
const WAITING: usize = 8192;

/// Where chance comes from: a number from 0 on and below 1 each time.
pub(crate) type Draw = fn() -> f64;

/// An access log that is open.
pub(crate) struct AccessLog {
    settings: config::AccessLog,
    lines: NonBlocking,
    /// Dropped last: what waits is written then.
    _writer: WorkerGuard,
    draw: Draw,
    dropped: Counter,
    /// How many of those of this writer are in it.
    counted: AtomicU64,
}

impl AccessLog {
    /// Opens the log. `dropped` counts the lines that are not written.
    ///
    /// # Errors
    ///
    /// Where its file cannot be written to.
    pub(crate) fn open(
        settings: &config::AccessLog,
        draw: Draw,
        dropped: Counter,
    ) -> io::Result<Self> {
        let output: Box<dyn Write + Send> = match &settings.output {
            LogOutput::Stdout => Box::new(io::stdout()),
            LogOutput::Stderr => Box::new(io::stderr()),
            LogOutput::File(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                Box::new(file?)
            }
        };
        Ok(Self::to(output, settings.clone(), draw, dropped))
    }

    fn to(
        output: impl Write + Send + 'static,
        settings: config::AccessLog,
        draw: Draw,
        dropped: Counter,
    ) -> Self {
        let (lines, writer) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING)
            .lossy(true)
            .thread_name("ipc-access-log")
            .finish(output);
        Self {
            settings,
            lines,
            _writer: writer,
            draw,
            dropped,
            counted: AtomicU64::new(0),
        }
    }

    /// Begins to note what becomes of a request.
    pub(crate) fn begin(self: &Arc<Self>, request: &Request<Body>, peer: &Peer) -> Entry {
        let peer = shown(peer.address.ip(), self.settings.peer);
        Entry::begin(Arc::clone(self), request, peer)
    }

    /// Whether a request that ended well gets a line.
    fn is_sampled(&self) -> bool {
        self.settings.sample.takes((self.draw)())
    }

    fn write(&self, line: &[u8]) {
        // A line that finds no room is dropped, and that is no error here.
        let _ = self.lines.clone().write_all(line);
        let dropped = self.lines.error_counter().dropped_lines() as u64;
        let counted = self.counted.fetch_max(dropped, Ordering::Relaxed);
        if dropped > counted {
            self.dropped.inc_by(dropped - counted);
        }
    }
}

/// As much of an address as is told.
fn shown(address: IpAddr, how: PeerShown) -> Option<IpAddr> {
    // A listener for both address families shows IPv4 clients as IPv6.
    let address = address.to_canonical();
    match (how, address) {
        (PeerShown::None, _) => None,
        (PeerShown::Full, _) => Some(address),
        (PeerShown::Cut, IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            Some(Ipv4Addr::new(a, b, c, 0).into())
        }
        (PeerShown::Cut, IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            Some(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A disk that takes nothing before it is told to.
    struct Stuck(mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Whoever told it may have gone.
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_find_no_room_are_dropped_and_counted() {
        let (free, stuck) = mpsc::channel();
        let dropped = Counter::default();
        let settings = config::AccessLog::default();
        let log = AccessLog::to(Stuck(stuck), settings, || 0.0, dropped.clone());

        // One is with the writer, who may not have taken it yet.
        for _ in 0..WAITING + 10 {
            log.write(b"line\n");
        }

        assert!((9..=10).contains(&dropped.get()), "{}", dropped.get());
        drop(free);
    }

    #[test]
    fn of_an_address_that_is_cut_the_network_is_left() {
        for (address, cut) in [
            ("192.0.2.77", "192.0.2.0"),
            ("::ffff:192.0.2.77", "192.0.2.0"),
            ("2001:db8:7:8::9", "2001:db8:7::"),
        ] {
            let address = address.parse().expect("it is an address");
            let told = shown(address, PeerShown::Cut).map(|told| told.to_string());
            assert_eq!(told.as_deref(), Some(cut));
        }
        let address = "192.0.2.77".parse().expect("it is an address");
        assert_eq!(shown(address, PeerShown::Full), Some(address));
        assert_eq!(shown(address, PeerShown::None), None);
    }
}
