//! Requests that two servers on their way could read in two ways.
//!
//! What breaks the grammar of HTTP, hyper refuses. Refused here is what it takes, and
//! what a server behind the gateway could take for another request or another host:
//! RFC 9112, 3.2 and 6; RFC 9113, 8.3.1; RFC 9110, 7.

use std::net::Ipv6Addr;

use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Version, request};
use ipc_core::envelope::Problem;

use super::answer::Refusal;
use crate::config::{Escape, has_broken_escape};

/// Refuses a request that can be read in two ways.
pub(super) fn check(head: &request::Parts) -> Result<(), Refusal> {
    let checked = check_coding(&head.headers)
        .and_then(|()| check_form(head))
        .and_then(|()| check_host(head));
    checked.map_err(|problem| refused(problem, head.version))
}

/// Refuses a path that a server which resolves paths takes for another one: who may ask
/// is decided by the path here, and what is done by that server.
pub(super) fn check_path(head: &request::Parts) -> Result<(), Refusal> {
    let path = head.uri.path();
    let checked = if has_broken_escape(path) {
        Err(malformed("its path has a percent sign without two digits"))
    } else {
        Escape::check(path).map_err(|escape| {
            Problem::new("path-escapes", "the path cannot be sent on", 400)
                .with_detail(escape.to_string())
        })
    };
    checked.map_err(|problem| refused(problem, head.version))
}

fn refused(problem: Problem, version: Version) -> Refusal {
    let refusal = Refusal::from(problem);
    if version > Version::HTTP_11 {
        return refusal;
    }
    // Where the next request begins may be as doubtful.
    refusal.with_header(CONNECTION, HeaderValue::from_static("close"))
}

/// A body is chunked, once, or its length is known: any other coding would have to be
/// undone here, since its header ends here.
fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let lines = headers.get_all(TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut count = 0;
    for coding in codings {
        count += 1;
        if !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            let detail = "transfer-encoding names another coding than chunked";
            let problem = Problem::new(
                "not-supported",
                "the request's body is coded in a way that is not known",
                501,
            );
            return Err(problem.with_detail(detail));
        }
    }
    if count > 1 {
        return Err(malformed("transfer-encoding names chunked more than once"));
    }
    Ok(())
}

/// The target is a path or a URL; `*` with OPTIONS; and host and port with CONNECT,
/// which is refused for what it asks.
fn check_form(head: &request::Parts) -> Result<(), Problem> {
    let uri = &head.uri;
    if head.method == Method::CONNECT {
        return Ok(());
    }
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(malformed("its target is no http URL"));
    }
    match uri.path() {
        "*" if head.method == Method::OPTIONS => Ok(()),
        path if path.starts_with('/') => Ok(()),
        _ => Err(malformed("its target is neither a path nor a URL")),
    }
}

/// One host, which HTTP/1.1 names in `host` in any case, and HTTP/2 somewhere.
fn check_host(head: &request::Parts) -> Result<(), Problem> {
    let authority = head.uri.authority().map(|it| it.as_str().as_bytes());
    let mut lines = head.headers.get_all(HOST).iter();
    let host = lines.next().map(HeaderValue::as_bytes);
    if lines.next().is_some() {
        return Err(malformed("it has more than one host header"));
    }
    if ![host, authority].into_iter().flatten().all(is_host) {
        return Err(malformed("its host is none"));
    }
    match (head.version, host, authority) {
        (Version::HTTP_11, None, _) | (Version::HTTP_2, None, None) => {
            Err(malformed("it names no host"))
        }
        (Version::HTTP_2, Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            Err(malformed("its :authority and its host header differ"))
        }
        _ => Ok(()),
    }
}

/// RFC 3986's host with a port, which is never empty in HTTP; without `user:password@`,
/// which hides the one behind the other (RFC 9110, 4.2.4).
fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let (is_host, port) = if let Some(literal) = text.strip_prefix('[') {
        let Some((literal, port)) = literal.split_once(']') else {
            return false;
        };
        (literal.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        (is_name(name), port)
    };
    is_host && is_port(port)
}

fn is_name(name: &str) -> bool {
    // Percent-encoded it could be as well; no name is, and no client of HTTP takes it.
    let is_of_a_name =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    !name.is_empty() && name.bytes().all(is_of_a_name)
}

/// Nothing, or a colon and as many digits as make a port, of which there may be none.
fn is_port(port: &str) -> bool {
    let Some(digits) = port.strip_prefix(':') else {
        return port.is_empty();
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (digits.is_empty() || digits.parse::<u16>().is_ok())
}

fn malformed(detail: &str) -> Problem {
    Problem::new("malformed-request", "the request cannot be read", 400).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in [
            "shop",
            "shop:80",
            "shop.example:",
            "SHOP_1.example.",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::7]:443",
            "a,b",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "a b",
            "a, b",
            "a/b",
            "a@b",
            "a?b",
            "a#b",
            "a\\b",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:+1",
            "[::1",
            "::1",
            "[]",
            "[::1]x",
            "[a]",
            "a%2",
            "a%2Db",
            "a%zz",
            "a\tb",
            "sh\u{f6}p",
            "http://a",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
        assert!(!is_host(b"a\xff"));
    }

    proptest! {
        #[test]
        fn a_host_can_be_the_authority_of_a_url_and_is_its_host(text in "[a-c:0-9@/?#%.\\[\\]-]{0,9}") {
            if !is_host(text.as_bytes()) {
                return Ok(());
            }
            let uri: Uri = format!("http://{text}/path").parse().expect("it is a URL");
            let authority = uri.authority().expect("it has one");
            prop_assert_eq!(authority.as_str(), text.as_str());
            prop_assert_eq!(uri.path(), "/path");
            prop_assert!(text.starts_with(authority.host()));
        }
    }
}
