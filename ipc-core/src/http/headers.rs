//! Headers on their way between HTTP and a record.
//!
//! Every end-to-end header crosses, in order, repeats kept, values byte for
//! byte. Four kinds do not: hop-by-hop headers (RFC 9110, 7.6.1), which speak
//! about one connection; `trailer`, because trailers themselves do not cross;
//! reserved names, which belong to the protocols spoken on the log; and,
//! towards HTTP, what HTTP cannot express: null values, names that are no token,
//! values with control characters. Those stay readable in the
//! [`Envelope`](crate::envelope::Envelope).

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use smallvec::SmallVec;

use crate::envelope::{Header, Headers, names};

/// Headers that speak about one connection.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers that every recipient is to see. A `connection` header must not name such
/// (RFC 9110, 7.6.1), and takes none of them away: who asks for which host through whom
/// is not for a client to hide from the next server.
const END_TO_END: &[&str] = &[
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// A record has more headers than an HTTP message can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record has {count} headers, more than an HTTP message can hold: send fewer")]
pub struct TooManyHeaders {
    /// How many headers the record has, beside the protocol's own.
    pub count: usize,
}

/// The HTTP headers a record carries.
///
/// # Errors
///
/// Where the record has more headers than [`HeaderMap`] can hold (32 768).
pub fn from_record(headers: &Headers) -> Result<HeaderMap, TooManyHeaders> {
    Open::of(headers).to_http()
}

/// The headers of a record that are not reserved: few beside the protocol's own.
pub(super) struct Open<'a>(SmallVec<[&'a Header; 8]>);

impl<'a> Open<'a> {
    pub(super) fn of(headers: &'a Headers) -> Self {
        let headers = headers.iter();
        let open = headers.filter(|header| !names::is_reserved(&header.name));
        Self(open.collect())
    }

    /// The values of every header of this name, which is in lower case, however
    /// the record spells it.
    pub(super) fn values(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.0.iter();
        headers
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .filter_map(|header| header.value.as_deref())
    }

    /// Those that cross.
    pub(super) fn to_http(&self) -> Result<HeaderMap, TooManyHeaders> {
        let count = self.0.len();
        let too_many = |_| TooManyHeaders { count };
        let connection = Connection::of(self.values("connection"));
        let mut map = HeaderMap::try_with_capacity(count).map_err(too_many)?;
        for header in &self.0 {
            let Some(value) = &header.value else { continue };
            if !connection.lets_cross(&header.name) {
                continue;
            }
            let Ok(name) = HeaderName::from_bytes(header.name.as_bytes()) else {
                continue;
            };
            let Ok(mut value) = HeaderValue::from_maybe_shared(value.clone()) else {
                continue;
            };
            value.set_sensitive(names::is_sensitive(name.as_str()));
            map.try_append(name, value).map_err(too_many)?;
        }
        Ok(map)
    }
}

/// Appends the headers of an HTTP message that cross to a record's.
pub fn to_record(map: &HeaderMap, record: &mut Headers) {
    let connection = Connection::of_http(map);
    for (name, value) in map {
        let (name, value) = (name.as_str(), value.as_bytes());
        if names::is_reserved(name) || !connection.lets_cross(name) {
            continue;
        }
        let value = common(value).map_or_else(
            || Bytes::copy_from_slice(value),
            |common| Bytes::from_static(common.as_bytes()),
        );
        match common(name.as_bytes()) {
            Some(name) => record.push_static(name, value),
            None => record.push(name, value),
        }
    }
}

/// What most messages say: not worth a copy each time.
fn common(text: &[u8]) -> Option<&'static str> {
    const COMMON: [&str; 5] = [
        "content-type",
        "content-length",
        "application/json",
        "application/octet-stream",
        "text/plain; charset=utf-8",
    ];
    let mut common = COMMON.into_iter();
    common.find(|common| common.as_bytes() == text)
}

/// Removes what speaks about one connection before a message goes on over
/// another: the hop-by-hop headers, and those that `connection` names besides.
/// `trailer` stays, because a proxy that streams passes trailers on.
pub fn strip_hop_by_hop(map: &mut HeaderMap) {
    let connection = Connection::of_http(map);
    let owned = map.keys().filter(|name| connection.owns(name.as_str()));
    for name in owned.cloned().collect::<Vec<_>>() {
        map.remove(name);
    }
}

/// The reserved names among a caller's headers. A caller that sends any is
/// refused, a gateway strips them: they would speak for the framework.
///
/// ```
/// use http::HeaderMap;
/// use ipc_core::http::headers::check_request;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("accept", "*/*".parse()?);
/// assert!(check_request(&headers).is_empty());
/// headers.insert("ipc-deadline", "1".parse()?);
/// assert_eq!(check_request(&headers), ["ipc-deadline"]);
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn check_request(map: &HeaderMap) -> Vec<&HeaderName> {
    map.keys()
        .filter(|name| names::is_reserved(name.as_str()))
        .collect()
}

/// What belongs to the connection a message came on: the hop-by-hop headers,
/// and those its `connection` headers name besides.
struct Connection<'a> {
    named: Vec<&'a [u8]>,
}

impl<'a> Connection<'a> {
    fn of(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let named = values
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|option| !option.is_empty() && !is_end_to_end(option))
            .collect();
        Self { named }
    }

    fn of_http(map: &'a HeaderMap) -> Self {
        let values = map.get_all(header::CONNECTION);
        Self::of(values.into_iter().map(HeaderValue::as_bytes))
    }

    /// Whether a header that is not reserved goes on.
    fn lets_cross(&self, name: &str) -> bool {
        !self.owns(name) && !name.eq_ignore_ascii_case("trailer")
    }

    fn owns(&self, name: &str) -> bool {
        HOP_BY_HOP.iter().any(|own| name.eq_ignore_ascii_case(own))
            || self
                .named
                .iter()
                .any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
    }
}

fn is_end_to_end(name: &[u8]) -> bool {
    let mut names = END_TO_END.iter();
    names.any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(headers: &[(&str, &[u8])]) -> Headers {
        headers
            .iter()
            .map(|(name, value)| crate::envelope::Header {
                name: (*name).into(),
                value: Some(Bytes::copy_from_slice(value)),
            })
            .collect()
    }

    #[test]
    fn repeats_keep_their_order_and_bytes() {
        let sent = record(&[
            ("set-cookie", b"a=1"),
            ("x-raw", b"\xff\x80 ok"),
            ("set-cookie", b"b=2"),
        ]);
        let map = from_record(&sent).unwrap();
        let cookies: Vec<_> = map.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(map["x-raw"].as_bytes(), b"\xff\x80 ok");
    }

    #[test]
    fn hop_by_hop_headers_and_those_connection_names_stay_behind() {
        let sent = record(&[
            ("connection", b"close, X-Hop"),
            ("x-hop", b"1"),
            ("keep-alive", b"timeout=5"),
            ("te", b"trailers"),
            ("Trailer", b"x-sum"),
            ("transfer-encoding", b"chunked"),
            ("x-end", b"1"),
        ]);
        let map = from_record(&sent).unwrap();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["x-end"]);

        let mut http = HeaderMap::new();
        for header in &sent {
            let name = HeaderName::from_bytes(header.name.as_bytes()).unwrap();
            let value = HeaderValue::from_bytes(header.value.as_ref().unwrap()).unwrap();
            http.append(name, value);
        }
        let mut record = Headers::new();
        to_record(&http, &mut record);
        assert_eq!(
            record.iter().map(|h| &*h.name).collect::<Vec<_>>(),
            ["x-end"]
        );
    }

    #[test]
    fn what_a_proxy_passes_on_lacks_the_connection_s_headers_and_no_others() {
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("connection", "x-other,, no token"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "1"),
            ("x-other", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("accept", "*/*"),
        ] {
            map.append(name, HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut map);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "trailer"]);
    }

    #[test]
    fn no_connection_header_takes_away_what_is_for_every_recipient() {
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, Host, x-forwarded-for, x-mine"),
            ("host", "shop"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-mine", "1"),
        ] {
            map.append(name, HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut map);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-forwarded-for"]);
    }

    #[test]
    fn what_http_cannot_express_is_left_in_the_record() {
        let mut sent = record(&[
            ("no token", b"1"),
            ("x-control", b"a\r\nset-cookie: b"),
            ("", b"1"),
            ("x-fine", b"1"),
        ]);
        sent.push_value("x-null", None);
        let map = from_record(&sent).unwrap();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["x-fine"]);
    }

    #[test]
    fn credentials_are_marked_so_that_nobody_logs_them() {
        let sent = record(&[("authorization", b"Bearer t"), ("accept", b"*/*")]);
        let map = from_record(&sent).unwrap();
        assert!(map["authorization"].is_sensitive());
        assert!(!map["accept"].is_sensitive());
    }

    #[test]
    fn more_headers_than_http_can_hold_are_an_error() {
        let sent: Headers = (0..40_000)
            .map(|n| crate::envelope::Header {
                name: format!("x-{n}").into(),
                value: Some(Bytes::new()),
            })
            .collect();
        assert_eq!(from_record(&sent), Err(TooManyHeaders { count: 40_000 }));
    }

    proptest! {
        #[test]
        fn end_to_end_headers_survive_the_round_trip(
            headers in proptest::collection::vec(
                ("x-[a-z]{1,3}", proptest::collection::vec(
                    prop_oneof![Just(b'\t'), 0x20..0x7fu8, 0x80..=0xffu8], 0..20)),
                0..20)
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_bytes(value).unwrap(),
                );
            }
            let mut record = Headers::new();
            to_record(&map, &mut record);
            prop_assert_eq!(from_record(&record), Ok(map));
        }

        #[test]
        fn hostile_names_and_values_never_panic_and_never_pass_for_reserved(
            headers in proptest::collection::vec((
                prop_oneof![
                    "\\PC{0,12}",
                    "(?i)(ipc-|kafka_|:|ce_|spring_|__|reply_)[a-z]{0,4}",
                ],
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20))),
                0..20)
        ) {
            let record: Headers = headers
                .into_iter()
                .map(|(name, value)| crate::envelope::Header {
                    name: name.into(),
                    value: value.map(Bytes::from),
                })
                .collect();
            let map = from_record(&record).unwrap();
            prop_assert!(check_request(&map).is_empty());
            prop_assert!(map.len() <= record.len());
        }
    }
}
