//! How many requests in how much time.

mod cells;
mod client;
mod limit;
mod shared;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use cells::Cells;
use client::Client;
pub(crate) use client::Sender;
use limit::{Left, Limit};
use shared::Counted;
pub(crate) use shared::SharedCounts;

use crate::config::{Rate, Rates};

/// The names of draft-ietf-httpapi-ratelimit-headers.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Bytes of what a client is told of one limit: `"gateway-principal";r=99999;t=60, `.
const TOLD: usize = 40;

/// Where requests are counted. Clones are of the same.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) cells: Cells,
    /// Together with all replicas, where they share their rates.
    pub(crate) shared: Option<Arc<SharedCounts>>,
}

/// What a table of rates is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'t> {
    /// What the names of its limits begin with.
    pub(crate) prefix: &'t str,
    /// The route, where it is of one.
    pub(crate) of: &'t str,
}

impl Table<'_> {
    /// What replicas that count together call its limit that is written under `key`: by
    /// another rate they count anew.
    fn scope(&self, key: &str, rate: Rate) -> String {
        format!("{} {} {key} {rate}", self.prefix, self.of)
    }
}

/// The limits of the requests of one route, or of those that have none.
#[derive(Debug)]
pub(crate) struct RateLimits {
    /// Those of all requests are in the limits of each route.
    limits: Vec<Arc<Limit>>,
    shared: Option<Arc<SharedCounts>>,
    /// What clients are told of them.
    policy: HeaderValue,
}

/// A request is over a limit.
#[derive(Debug)]
pub(crate) struct TooMany<'l> {
    /// What the limit is called.
    pub(crate) limit: &'l str,
    /// After how long it would not be.
    pub(crate) wait: Duration,
    /// What the client is told of all limits.
    pub(crate) told: HeaderValue,
}

impl RateLimits {
    /// Those of `rates`, after those of all requests; `None` where there are none. A limit
    /// that `earlier` has, too, goes on with what it has counted.
    pub(crate) fn new(
        table: &Table<'_>,
        rates: &Rates,
        counts: &Counts,
        of_all: Option<&Self>,
        earlier: Option<&Self>,
    ) -> Option<Self> {
        let of_all = of_all.into_iter().flat_map(|of_all| &of_all.limits);
        let own = rates.all().map(|(key, rate)| {
            let scope = table.scope(key, rate);
            let mut before = earlier.into_iter().flat_map(|earlier| &earlier.limits);
            match before.find(|before| before.scope() == scope) {
                Some(before) => Arc::clone(before),
                None => Arc::new(Limit::new(table, key, rate, &counts.cells)),
            }
        });
        let limits: Vec<Arc<Limit>> = of_all.map(Arc::clone).chain(own).collect();
        let mut policy = String::new();
        for limit in &limits {
            limit.write_policy(&mut policy);
        }
        (!limits.is_empty()).then(|| Self {
            limits,
            shared: counts.shared.clone(),
            policy: value(policy),
        })
    }

    /// What clients are told of them.
    pub(crate) fn policy(&self) -> &HeaderValue {
        &self.policy
    }

    /// Counts a request of `sender`, and tells what is left; `None` where it is counted by
    /// nothing.
    ///
    /// # Errors
    ///
    /// The first limit it is over.
    ///
    /// # Cancel safety
    ///
    /// It may be counted or not.
    pub(crate) async fn count(
        &self,
        sender: Sender<'_>,
    ) -> Result<Option<HeaderValue>, TooMany<'_>> {
        if let Some(shared) = &self.shared {
            let limits = self.limits.iter();
            let limits = limits.filter_map(|limit| Some((&**limit, limit.client(sender)?)));
            let limits: Vec<(&Limit, Client)> = limits.collect();
            if limits.is_empty() {
                return Ok(None);
            }
            if let Some(counted) = shared.count(&limits).await {
                return told(&limits, counted);
            }
        }
        self.count_alone(sender)
    }

    /// Counts what this replica has heard of.
    fn count_alone(&self, sender: Sender<'_>) -> Result<Option<HeaderValue>, TooMany<'_>> {
        let mut told = String::with_capacity(TOLD * self.limits.len());
        for limit in &self.limits {
            match limit.count(sender) {
                Ok(Some(left)) => limit.write_left(left, &mut told),
                Ok(None) => {}
                Err(wait) => return Err(TooMany::under(limit, wait, told)),
            }
        }
        Ok((!told.is_empty()).then(|| value(told)))
    }
}

impl<'l> TooMany<'l> {
    /// Over this limit, and under those that are told already.
    fn under(limit: &'l Limit, wait: Duration, mut told: String) -> Self {
        let none = Left {
            requests: 0,
            more_in: wait,
        };
        limit.write_left(none, &mut told);
        Self {
            limit: limit.name(),
            wait,
            told: value(told),
        }
    }
}

/// What a client is told of what all replicas have counted.
fn told<'l>(
    limits: &[(&'l Limit, Client)],
    counted: Counted,
) -> Result<Option<HeaderValue>, TooMany<'l>> {
    let mut told = String::with_capacity(TOLD * limits.len());
    match counted {
        Counted::Within(left) => {
            for ((limit, _), left) in limits.iter().zip(left) {
                limit.write_left(limit.left(left), &mut told);
            }
            Ok(Some(value(told)))
        }
        Counted::Over { nth, wait } => Err(TooMany::under(limits[nth].0, wait, told)),
    }
}

/// Tells a client what is left of the limits that its request was counted by.
pub(crate) fn tell(headers: &mut HeaderMap, policy: HeaderValue, left: HeaderValue) {
    headers.append(POLICY, policy);
    headers.append(LEFT, left);
}

/// Made of names, digits and signs that every header takes.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
