//! Who a request is from.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::config::{ClientHeader, Proxies};

/// The address of the client that a request is from, which came from `peer`: of those
/// that trusted proxies have appended the last that is not theirs. What stands to the
/// left of that, the client may have written itself.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, proxies) {
        return client;
    }
    let values = headers.get_all(proxies.header.name()).iter().rev();
    let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        let hop = std::str::from_utf8(hop).ok();
        let Some(address) = hop.and_then(|hop| address(hop.trim(), proxies.header)) else {
            // Whoever is behind it, this proxy does not say.
            break;
        };
        client = address;
        if !is_trusted(client, proxies) {
            break;
        }
    }
    client
}

fn is_trusted(address: IpAddr, proxies: &Proxies) -> bool {
    proxies
        .trusted
        .iter()
        .any(|network| network.contains(&address))
}

/// The address of one hop, with or without its port.
fn address(hop: &str, header: ClientHeader) -> Option<IpAddr> {
    let node = match header {
        ClientHeader::XForwardedFor => hop,
        ClientHeader::Forwarded => hop.split(';').find_map(|pair| {
            let (name, node) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then_some(node)
        })?,
    };
    let node = node.trim().trim_matches('"');
    let bare = node
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(node).parse().ok();
    let with_port = || node.parse::<SocketAddr>().ok().map(|it| it.ip());
    Some(address.or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn from(peer: &str, header: ClientHeader, values: &[&'static str]) -> String {
        let network = |text: &str| text.parse().expect("a network");
        let proxies = Proxies {
            trusted: vec![network("10.0.0.0/8"), network("2001:db8::/32")],
            header,
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header.name(), HeaderValue::from_static(value));
        }
        let peer = peer.parse().expect("an address");
        client(peer, &headers, &proxies).to_string()
    }

    #[test]
    fn whoever_is_no_trusted_proxy_is_the_client_whatever_it_writes() {
        for header in ClientHeader::ALL {
            let found = from("192.0.2.1", header, &["198.51.100.7", "for=198.51.100.7"]);
            assert_eq!(found, "192.0.2.1");
        }
    }

    #[test]
    fn of_what_trusted_proxies_appended_the_last_that_is_not_theirs_counts() {
        for (values, client) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["203.0.113.9, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
            (&["203.0.113.9", "198.51.100.7,10.1.1.1"], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["[2001:db9::7]:4711, 2001:db8::1"], "2001:db9::7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
            (&["198.51.100.7, unknown, 10.1.1.1"], "10.1.1.1"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            let found = from("::ffff:10.0.0.1", ClientHeader::XForwardedFor, values);
            assert_eq!(found, client, "{values:?}");
        }
    }

    #[test]
    fn hops_are_read_in_the_form_of_rfc_7239() {
        for (values, client) in [
            (&["for=198.51.100.7;proto=http"][..], "198.51.100.7"),
            (
                &["For=\"[2001:db9::7]:4711\", proto=http;for=10.1.1.1"],
                "2001:db9::7",
            ),
            (&["for=198.51.100.7, for=_hidden"], "10.0.0.1"),
            // Quotes that a client left open change nothing to the right of them.
            (&["for=\"x, for=198.51.100.7"], "198.51.100.7"),
        ] {
            let found = from("10.0.0.1", ClientHeader::Forwarded, values);
            assert_eq!(found, client, "{values:?}");
        }
    }
}
