//! Counting in a Redis, together with all replicas.
//!
//! One string for each client of each limit, at `<prefix>:<fleet>:<limit>:<client>`,
//! which goes when the client could use the whole burst again. It is one round trip for all
//! limits of a request, over one connection. While the server is away each replica counts by
//! itself.

mod server;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Script, Value};
use tokio::time::Instant;

use super::client::Client;
use super::limit::Limit;
use crate::config::SharedRates;
use crate::limits::metrics::LimitMetrics;
use server::Server;

static COUNT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("count.lua")));

/// How long a server that did not answer is not asked: its requests would wait for it.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts together with all replicas.
#[derive(Debug)]
pub(crate) struct SharedCounts {
    settings: SharedRates,
    fleet: String,
    server: Server,
    /// Not to be asked before.
    away_until: Mutex<Option<Instant>>,
    metrics: LimitMetrics,
}

/// What a request was told by its limits.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// How many more could follow at once, under each of them.
    Within(Vec<u32>),
    /// It is over this one, for so long.
    Over { nth: usize, wait: Duration },
}

impl SharedCounts {
    /// Of the gateways of `fleet`.
    pub(crate) fn new(settings: &SharedRates, fleet: &str, metrics: &LimitMetrics) -> Arc<Self> {
        Arc::new(Self {
            server: Server::new(settings),
            settings: settings.clone(),
            fleet: fleet.to_owned(),
            away_until: Mutex::default(),
            metrics: metrics.clone(),
        })
    }

    /// Whether these are counted as `settings` say.
    pub(crate) fn are(&self, settings: &SharedRates) -> bool {
        self.settings == *settings
    }

    /// Counts a request by these limits, each with whom it is counted for there; `None`
    /// where the server cannot be asked.
    ///
    /// # Cancel safety
    ///
    /// It may be counted or not.
    pub(super) async fn count(&self, limits: &[(&Limit, Client)]) -> Option<Counted> {
        if self.is_away() {
            self.metrics.counted_alone();
            return None;
        }
        let mut script = COUNT.prepare_invoke();
        for (limit, client) in limits {
            let SharedRates { prefix, .. } = &self.settings;
            let (fleet, scope) = (&self.fleet, limit.scope());
            script.key(format!("{prefix}:{fleet}:{scope}:{client}"));
            let (each, burst) = limit.each_and_burst();
            script.arg(each.as_nanos() as f64 / 1000.0).arg(burst);
        }
        let answered = self.server.run(&script).await;
        let counted = answered.and_then(|answer| {
            read(&answer, limits.len()).ok_or_else(|| "answers what is no count".to_owned())
        });
        match counted {
            Ok(counted) => Some(counted),
            Err(reason) => {
                self.failed(&reason);
                None
            }
        }
    }

    fn is_away(&self) -> bool {
        let until = *self.away_until.lock();
        until.is_some_and(|until| Instant::now() < until)
    }

    fn failed(&self, reason: &str) {
        self.metrics.counted_alone();
        let until = Instant::now() + PAUSE;
        let before = self.away_until.lock().replace(until);
        // Once, where many requests found out at the same time.
        if before.is_none_or(|before| before + PAUSE < until) {
            let server = self.settings.address();
            tracing::warn!(
                target: "ipc::shim",
                "the Redis at {server} {reason}: each replica counts requests by itself meanwhile"
            );
        }
    }
}

fn read(answer: &Value, limits: usize) -> Option<Counted> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let numbers = parts.iter().map(|part| match part {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    });
    let numbers: Vec<u64> = numbers.collect::<Option<_>>()?;
    match numbers.split_first()? {
        (0, left) if left.len() == limits => {
            let fitted = |left: &u64| u32::try_from(*left).unwrap_or(u32::MAX);
            Some(Counted::Within(left.iter().map(fitted).collect()))
        }
        (nth, [micros]) => {
            let nth = usize::try_from(*nth).ok()?.checked_sub(1)?;
            let wait = Duration::from_micros(*micros);
            (nth < limits).then_some(Counted::Over { nth, wait })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(numbers: &[i64]) -> Value {
        Value::Array(numbers.iter().copied().map(Value::Int).collect())
    }

    #[test]
    fn answers_are_read_and_nothing_else() {
        assert_eq!(
            read(&answer(&[0, 7, 0]), 2),
            Some(Counted::Within(vec![7, 0]))
        );
        let over = Counted::Over {
            nth: 1,
            wait: Duration::from_millis(2),
        };
        assert_eq!(read(&answer(&[2, 2000]), 2), Some(over));
        for strange in [
            Value::Nil,
            answer(&[]),
            answer(&[0]),
            answer(&[0, 1]),
            answer(&[0, 1, -1]),
            answer(&[1]),
            answer(&[3, 1]),
            answer(&[-1, 1]),
        ] {
            assert_eq!(read(&strange, 2), None, "{strange:?}");
        }
    }
}
