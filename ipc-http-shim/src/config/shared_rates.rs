//! `[shared_rates]`: where all replicas count by the same rates.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo as _};
use toml::de::DeTable;

use super::mistake::Report;
use super::rewriting::Wrong;
use super::secret;
use super::section::Section;

pub(super) const KEYS: &[&str] = &["redis", "prefix", "within"];

/// A Redis in which all replicas of a gateway count together.
#[derive(Clone)]
#[non_exhaustive]
pub struct SharedRates {
    pub(crate) redis: ConnectionInfo,
    /// The same as it was written, with what is secret in it.
    url: String,
    /// What the names of all its keys begin with, before a colon. Default: `ipc:rate`.
    pub prefix: String,
    /// How long it may take to answer for a request, before this replica counts that one
    /// by itself. Default: 50 ms.
    pub within: Duration,
}

impl SharedRates {
    /// Host and port, without what may be secret.
    #[must_use]
    pub fn address(&self) -> String {
        self.redis.addr().to_string()
    }
}

impl PartialEq for SharedRates {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.prefix == other.prefix && self.within == other.within
    }
}

/// Without the user and the password.
impl fmt::Debug for SharedRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRates")
            .field("redis", &self.address())
            .field("prefix", &self.prefix)
            .field("within", &self.within)
            .finish()
    }
}

/// Reads where all replicas count.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Option<SharedRates> {
    let section = Section::open("[shared_rates]", table, span, KEYS, report);
    let prefix = section.text("prefix", report);
    let within = section.value("within", report);
    let Some(redis) = section.text("redis", report) else {
        if section.get("redis").is_none() {
            report.add(
                section.place(report),
                "[shared_rates] has no redis",
                "name one, as in redis = \"redis://cache:6379\"",
            );
        }
        return None;
    };
    match address(&redis.value) {
        Ok((url, redis)) => Some(SharedRates {
            redis,
            url,
            prefix: prefix.map_or_else(|| "ipc:rate".to_owned(), |prefix| prefix.value),
            within: within.map_or(Duration::from_millis(50), |within| within.value),
        }),
        Err((what, mend)) => {
            report.add(redis.place, format!("redis {what}"), mend);
            None
        }
    }
}

/// The server's address. What is wrong is said without the text, which may hold a password.
fn address(text: &str) -> Result<(String, ConnectionInfo), Wrong> {
    let secret::Resolved {
        text: resolved,
        referred,
    } = secret::resolve(text)?;
    if resolved.starts_with("rediss:") || resolved.starts_with("valkeys:") {
        return Err((
            "asks for TLS, which is not spoken to a Redis".to_owned(),
            "write redis:// to a tunnel, or to a server in a network of its own".to_owned(),
        ));
    }
    match resolved.as_str().into_connection_info() {
        Ok(redis) if redis.redis_settings().password().is_some() && !referred => Err((
            "has a password in plain text".to_owned(),
            "write it as \"${env:NAME}\" or \"${file:/path}\"".to_owned(),
        )),
        Ok(redis) => Ok((resolved, redis)),
        Err(_) => Err((
            "is not the address of a Redis".to_owned(),
            "write \"redis://[[user]:password@]host[:port][/database]\", with what is special \
             in user and password percent-encoded"
                .to_owned(),
        )),
    }
}
