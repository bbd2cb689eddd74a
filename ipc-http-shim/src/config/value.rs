//! The forms a single value can have.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use http::Uri;
use http::uri::{Authority, Scheme};

/// A value that is written as text.
pub(crate) trait FromText: Sized {
    /// Completes "`x` is not".
    const EXPECTED: &'static str;
    /// What to write instead.
    const MEND: &'static str;

    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for SocketAddr {
    const EXPECTED: &'static str = "an IP address with a port";
    const MEND: &'static str = "write both, as in \"0.0.0.0:8080\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for Duration {
    const EXPECTED: &'static str = "a duration above zero";
    const MEND: &'static str = "write a number with its unit, as in \"5s\" or \"250ms\"";

    fn from_text(text: &str) -> Option<Self> {
        humantime::parse_duration(text)
            .ok()
            .filter(|duration| !duration.is_zero())
    }
}

/// A number of bytes above zero.
pub(super) struct Bytes(pub(super) usize);

impl FromText for Bytes {
    const EXPECTED: &'static str = "a size above zero";
    const MEND: &'static str = "write bytes, as in 65536, or a unit, as in \"32MiB\"";

    fn from_text(text: &str) -> Option<Self> {
        let size: ByteSize = text.parse().ok()?;
        usize::try_from(size.as_u64())
            .ok()
            .filter(|bytes| *bytes > 0)
            .map(Self)
    }
}

/// A number of things above zero.
pub(super) struct Count(pub(super) u16);

impl FromText for Count {
    const EXPECTED: &'static str = "a number from 1 to 65535";
    const MEND: &'static str = "write digits, as in 100";

    fn from_text(text: &str) -> Option<Self> {
        let count: u16 = text.parse().ok()?;
        (count > 0).then_some(Self(count))
    }
}

/// `true` or `false`.
pub(super) struct Truth(pub(super) bool);

impl FromText for Truth {
    const EXPECTED: &'static str = "a truth value";
    const MEND: &'static str = "write true or false";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// A larger number of things above zero.
pub(super) struct Many(pub(super) usize);

const MOST: usize = 1_000_000;

impl FromText for Many {
    const EXPECTED: &'static str = "a number from 1 to 1000000";
    const MEND: &'static str = "write digits, as in 10000";

    fn from_text(text: &str) -> Option<Self> {
        let count: usize = text.parse().ok()?;
        (1..=MOST).contains(&count).then_some(Self(count))
    }
}

/// A part of a whole, in hundredths: one at least.
pub(super) struct Hundredths(pub(super) u8);

impl FromText for Hundredths {
    const EXPECTED: &'static str = "a percentage from 1% to 100%";
    const MEND: &'static str = "write it as in \"50%\"";

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('%')?;
        let plain = !digits.starts_with(['+', '0']);
        let hundredths = digits.parse().ok().filter(|_| plain)?;
        (1..=100).contains(&hundredths).then_some(Self(hundredths))
    }
}

/// A fleet's or service's name: the first part of its topics' names.
pub(crate) struct Name(pub(super) String);

/// Kafka allows topic names of 249 characters; the rest is for our suffixes.
const LONGEST_NAME: usize = 200;

impl FromText for Name {
    const EXPECTED: &'static str = "a name a topic can start with";
    const MEND: &'static str =
        "use 1 to 200 of the characters a-z, A-Z, 0-9, \".\", \"_\" and \"-\"";

    fn from_text(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let valid = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(fits);
        valid.then(|| Self(text.to_owned()))
    }
}

/// Where the legacy upstream is: `http://host:port`, or `https://host:port`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegacyOrigin {
    scheme: Scheme,
    authority: Authority,
}

impl LegacyOrigin {
    /// Reads `http://host:port` or `https://host:port`; the port is 80 or 443 where it
    /// is left out.
    ///
    /// `None` for any other scheme, for a path, a query or a user name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let bare = uri.path() == "/" && uri.query().is_none() && !text.contains('@');
        let parts = uri.into_parts();
        let is_http = |scheme: &Scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
        Some(Self {
            scheme: parts.scheme.filter(is_http)?,
            authority: parts.authority.filter(|_| bare)?,
        })
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Whether it is asked over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl fmt::Display for LegacyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromText for LegacyOrigin {
    const EXPECTED: &'static str = "the origin of an HTTP server";
    const MEND: &'static str =
        "write \"http://host:port\" or \"https://host:port\", without path, query or user";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
