//! Who a request is for, where that decides on which side it is.

use bytes::Bytes;
use http::HeaderMap;
use http::header::COOKIE;

use crate::migration::Sticky;
use crate::peer::Peer;

/// What decides on which side a request is: its record's key, whether it has one or
/// would have one as another method; else what `sticky` names; else its client.
pub(super) fn identity(
    key: Option<Bytes>,
    sticky: &Sticky,
    headers: &HeaderMap,
    peer: &Peer,
) -> Bytes {
    let told = || match sticky {
        Sticky::Client => None,
        Sticky::Header(name) => {
            let value = headers.get(name)?;
            Some(Bytes::copy_from_slice(value.as_bytes()))
        }
        Sticky::Cookie(name) => cookie(headers, name),
    };
    key.or_else(told)
        .unwrap_or_else(|| Bytes::from(peer.address.ip().to_string()))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<Bytes> {
    let lines = headers.get_all(COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=").map(Bytes::copy_from_slice)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers() -> HeaderMap {
        HeaderMap::from_iter([
            (COOKIE, "a=1; session=ann".parse().expect("it is a value")),
            (
                HeaderName::from_static("x-tenant"),
                "acme".parse().expect("it is a value"),
            ),
        ])
    }

    fn of(key: Option<&'static str>, sticky: &Sticky) -> Bytes {
        let key = key.map(|key| Bytes::from_static(key.as_bytes()));
        let peer = Peer::plain(([192, 0, 2, 7], 4711).into());
        identity(key, sticky, &headers(), &peer)
    }

    #[test]
    fn a_key_goes_before_what_else_is_sticky() {
        let cookie = Sticky::Cookie("session".to_owned());
        assert_eq!(of(Some("order-7"), &cookie), "order-7");
        assert_eq!(of(None, &cookie), "ann");
    }

    #[test]
    fn a_client_without_what_is_sticky_is_told_by_its_address_without_the_port() {
        let tenant = Sticky::Header(HeaderName::from_static("x-tenant"));
        let absent = Sticky::Cookie("sess".to_owned());
        assert_eq!(of(None, &tenant), "acme");
        assert_eq!(of(None, &absent), "192.0.2.7");
        assert_eq!(of(None, &Sticky::Client), "192.0.2.7");
    }
}
