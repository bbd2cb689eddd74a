//! Telling the legacy upstream for whom a request is made.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::peer::Peer;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Appends this hop to `forwarded` (RFC 7239) and `x-forwarded-for`. The
/// scheme and the `host` the client used are told unless a proxy before this one
/// has.
pub(super) fn append(headers: &mut HeaderMap, peer: &Peer, host: Option<HeaderValue>) {
    // A listener for both address families shows IPv4 clients as IPv6.
    let address = peer.address.ip().to_canonical();
    push(headers, FOR, &address.to_string());
    let mut hop = vec![match address {
        IpAddr::V4(address) => format!("for={address}"),
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    }];
    if let Some(host) = host.as_ref().and_then(|host| host.to_str().ok())
        && !host.contains(['"', '\\'])
    {
        hop.push(format!("host=\"{host}\""));
    }
    let scheme = peer.scheme();
    hop.push(format!("proto={scheme}"));
    push(headers, FORWARDED, &hop.join(";"));

    headers
        .entry(PROTO)
        .or_insert(HeaderValue::from_static(scheme));
    if let Some(host) = host {
        headers.entry(X_HOST).or_insert(host);
    }
}

/// Appends an element to a comma-separated list.
fn push(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let mut list: Vec<u8> = Vec::new();
    for value in headers.get_all(&name) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(element.as_bytes());
    // Made of header values and of text without control characters.
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::plain(address.parse().expect("an address"))
    }

    fn after(sent: &[(&'static str, &'static str)], peer: &Peer) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let host = headers.get("host").cloned();
        append(&mut headers, peer, host);
        headers
    }

    #[test]
    fn a_first_hop_names_client_host_and_scheme() {
        let headers = after(&[("host", "shop.example")], &peer("192.0.2.7:5000"));

        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(headers["x-forwarded-host"], "shop.example");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(
            headers["forwarded"],
            "for=192.0.2.7;host=\"shop.example\";proto=http"
        );
    }

    #[test]
    fn a_later_hop_is_appended_and_the_first_scheme_kept() {
        let headers = after(
            &[
                ("x-forwarded-for", "198.51.100.1"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "for=198.51.100.1"),
            ],
            &peer("[2001:db8::1]:5000"),
        );

        assert_eq!(headers["x-forwarded-for"], "198.51.100.1, 2001:db8::1");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(
            headers["forwarded"],
            "for=198.51.100.1, for=\"[2001:db8::1]\";proto=http"
        );
    }

    #[test]
    fn a_hop_over_tls_says_so() {
        let peer = Peer {
            over_tls: true,
            ..peer("192.0.2.7:5000")
        };

        let headers = after(&[], &peer);

        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["forwarded"], "for=192.0.2.7;proto=https");
    }
}
