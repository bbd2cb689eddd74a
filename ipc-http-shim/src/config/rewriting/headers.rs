//! What becomes of headers.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipc_core::envelope::names::is_reserved;
use ipc_core::http::headers::strip_hop_by_hop;

use super::Wrong;

/// What becomes of headers: some are removed, then some set, then some added.
/// Default: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct HeaderChanges {
    /// Headers that do not go on.
    pub remove: Vec<HeaderName>,
    /// Headers that replace all of their name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Headers that come beside those of their name.
    pub add: Vec<(HeaderName, HeaderValue)>,
}

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passing {
    /// To where its route says.
    Request,
    /// Back to the client.
    Response,
}

impl HeaderChanges {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    /// Changes `headers`.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
    }

    /// Every change that cannot be made.
    pub(super) fn faults(&self, passing: Passing) -> Vec<Wrong> {
        let removed = self.remove.iter().map(|name| (name, false));
        let set = self.set.iter().map(|(name, _)| (name, false));
        let added = self.add.iter().map(|(name, _)| (name, true));
        let names = removed.chain(set).chain(added);
        names
            .filter_map(|(name, adds)| forbidden(name, passing, adds))
            .collect()
    }
}

/// Why a route may not touch a header, and what to do instead.
pub(super) fn forbidden(name: &HeaderName, passing: Passing, adds: bool) -> Option<Wrong> {
    let (why, mend) = if is_reserved(name.as_str()) {
        (
            "belongs to the protocols spoken on the log",
            "choose another name",
        )
    } else if speaks_of_the_connection(name) {
        (
            "speaks of one connection, and does not go on over another",
            "remove it: the gateway sees to it itself",
        )
    } else if [CONTENT_LENGTH, TRAILER, EXPECT].contains(name) {
        (
            "says where a body ends or when it is sent",
            "remove it: the gateway sees to it itself",
        )
    } else if *name == HOST && (adds || passing == Passing::Response) {
        (
            "stands once in a request",
            "write it under set of request_headers",
        )
    } else {
        return None;
    };
    Some((format!("header {:?} {why}", name.as_str()), mend.to_owned()))
}

fn speaks_of_the_connection(name: &HeaderName) -> bool {
    let mut alone = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(""))]);
    strip_hop_by_hop(&mut alone);
    alone.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    }

    #[test]
    fn headers_are_removed_then_set_then_added() {
        let changes = HeaderChanges {
            remove: vec![HeaderName::from_static("cookie")],
            set: vec![header("x-tenant", "acme")],
            add: vec![header("via", "shim"), header("x-tenant", "too")],
        };
        let sent = ["cookie", "x-tenant", "x-tenant", "via"].map(|name| header(name, "sent"));
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name, value);
        }

        changes.apply(&mut headers);

        let all = |name: &str| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(all("cookie"), [""; 0]);
        assert_eq!(all("x-tenant"), ["acme", "too"]);
        assert_eq!(all("via"), ["sent", "shim"]);
    }

    #[test]
    fn what_is_not_a_routes_to_change_is_told() {
        for name in [
            "ipc-deadline",
            "kafka_replytopic",
            "connection",
            "te",
            "transfer-encoding",
            "content-length",
            "trailer",
        ] {
            let changes = HeaderChanges {
                remove: vec![HeaderName::from_static(name)],
                ..HeaderChanges::default()
            };
            assert_eq!(changes.faults(Passing::Request).len(), 1, "{name}");
            assert_eq!(changes.faults(Passing::Response).len(), 1, "{name}");
        }
        let host = HeaderChanges {
            set: vec![header("host", "inner")],
            ..HeaderChanges::default()
        };
        assert_eq!(host.faults(Passing::Request).len(), 0);
        assert_eq!(host.faults(Passing::Response).len(), 1);
    }
}
