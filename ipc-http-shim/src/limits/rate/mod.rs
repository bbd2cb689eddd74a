//! How many requests in how much time.

mod cells;
mod client;
mod limit;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use cells::Cells;
pub(crate) use client::Sender;
use limit::Limit;

use crate::config::Rates;

/// The names of draft-ietf-httpapi-ratelimit-headers.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The limits of the requests of one route, or of all.
#[derive(Debug)]
pub(crate) struct RateLimits {
    limits: Vec<Limit>,
    rates: Rates,
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
    /// Those of `rates`; `None` where there are none. Clients are told their names after
    /// `prefix`.
    pub(crate) fn new(prefix: &str, rates: &Rates, cells: &Cells) -> Option<Self> {
        let limits: Vec<Limit> = rates
            .all()
            .map(|(key, rate)| {
                let name = format!("{prefix}{key}");
                match key {
                    "total" => Limit::together(name, rate),
                    "principal" => Limit::each_principal(name, rate, cells),
                    _ => Limit::each_address(name, rate, cells),
                }
            })
            .collect();
        let mut policy = String::new();
        for limit in &limits {
            limit.write_policy(&mut policy);
        }
        (!limits.is_empty()).then(|| Self {
            limits,
            rates: *rates,
            policy: value(&policy),
        })
    }

    /// Whether these are what `rates` says.
    pub(crate) fn are(&self, rates: &Rates) -> bool {
        self.rates == *rates
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
    pub(crate) fn count(&self, sender: Sender<'_>) -> Result<Option<HeaderValue>, TooMany<'_>> {
        let mut told = String::new();
        for limit in &self.limits {
            match limit.count(sender) {
                Ok(Some(left)) => limit.write_left(left, &mut told),
                Ok(None) => {}
                Err(wait) => {
                    let none = limit::Left {
                        requests: 0,
                        more_in: wait,
                    };
                    limit.write_left(none, &mut told);
                    return Err(TooMany {
                        limit: limit.name(),
                        wait,
                        told: value(&told),
                    });
                }
            }
        }
        Ok((!told.is_empty()).then(|| value(&told)))
    }
}

/// Tells a client what is left of the limits that its request was counted by.
pub(crate) fn tell(headers: &mut HeaderMap, policy: HeaderValue, left: HeaderValue) {
    headers.append(POLICY, policy);
    headers.append(LEFT, left);
}

/// Made of names, digits and signs that every header takes.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
