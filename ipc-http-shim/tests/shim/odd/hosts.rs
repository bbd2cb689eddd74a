//! Hosts, and targets that name one.

use super::There::Has;
use super::{NOTHING, each_is_answered_as_told, get, head, odd};

#[tokio::test]
async fn there_is_one_host_and_it_is_a_host() {
    let refused = |what, lines: &str| odd(what, get(lines), "400", NOTHING);
    each_is_answered_as_told(vec![
        odd("none at all", "GET /odd HTTP/1.1\r\n\r\n", "400", NOTHING),
        refused("none", "x: 1"),
        refused("two", "host: a|host: b"),
        refused("the same twice", "host: a|host: a"),
        refused("two in one", "host: a, b"),
        refused("an empty one", "host:"),
        refused("one of spaces", "host:  \t "),
        refused("a port alone", "host: :80"),
        refused("a port that is none", "host: a:b"),
        refused("a port that is too large", "host: a:65536"),
        refused("two ports", "host: a:80:80"),
        refused("a path", "host: a/b"),
        refused("a query", "host: a?b"),
        refused("a fragment", "host: a#b"),
        refused("a URL", "host: http://a"),
        refused("somebody's", "host: user@a"),
        refused("a space within", "host: a b"),
        refused("an address without brackets", "host: ::1"),
        refused("an address without an end", "host: [::1"),
        refused("a broken escape", "host: a%2"),
        refused("bytes that are no text", "host: a\u{fc}"),
        odd(
            "spaces around it",
            get("host: \t shop:80 \t"),
            "200 200",
            Has(&["\r\nhost: shop:80\r\n"], &[]),
        ),
        odd(
            "an address with a port",
            get("host: [::1]:80"),
            "200 200",
            Has(&["\r\nhost: [::1]:80\r\n"], &[]),
        ),
        odd(
            "none in HTTP/1.0",
            head("GET /odd HTTP/1.0", "x: 1"),
            "200",
            Has(
                &["GET /odd HTTP/1.1\r\n", "\r\nhost: 127.0.0.1:"],
                &["forwarded-host"],
            ),
        ),
        odd(
            "two in HTTP/1.0",
            head("GET /odd HTTP/1.0", "host: a|host: b"),
            "400",
            NOTHING,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_target_that_names_a_host_wins_over_the_header() {
    let refused = |what, first: &str| odd(what, head(first, "host: a"), "400", NOTHING);
    each_is_answered_as_told(vec![
        odd(
            "another host",
            head("GET http://shop:80/odd?x HTTP/1.1", "host: other"),
            "200 200",
            Has(
                &[
                    "GET /odd?x HTTP/1.1\r\n",
                    "\r\nhost: shop:80\r\n",
                    "host=\"shop:80\"",
                    "\r\nx-forwarded-host: shop:80\r\n",
                ],
                &["other"],
            ),
        ),
        odd(
            "a target without a path",
            head("GET http://shop HTTP/1.1", "host: shop"),
            "200 200",
            Has(&["GET / HTTP/1.1\r\n", "\r\nhost: shop\r\n"], &[]),
        ),
        odd(
            "a target with a query alone",
            head("GET http://shop?x HTTP/1.1", "host: shop"),
            "200 200",
            Has(&["GET /?x HTTP/1.1\r\n"], &[]),
        ),
        odd(
            "a target in capitals",
            head("GET HTTP://shop/odd HTTP/1.1", "host: shop"),
            "200 200",
            Has(&["GET /odd HTTP/1.1\r\n"], &[]),
        ),
        odd(
            "a target with a host, and no header",
            "GET http://shop/odd HTTP/1.1\r\n\r\n",
            "400",
            NOTHING,
        ),
        odd(
            "a target with a host, and a header that is none",
            head("GET http://shop/odd HTTP/1.1", "host: a b"),
            "400",
            NOTHING,
        ),
        odd(
            "a target with a host, and two headers",
            head("GET http://shop/odd HTTP/1.1", "host: shop|host: shop"),
            "400",
            NOTHING,
        ),
        refused("somebody's", "GET http://user:secret@a/odd HTTP/1.1"),
        refused("an empty host", "GET http:///odd HTTP/1.1"),
        refused("an empty host with a port", "GET http://:80/odd HTTP/1.1"),
        refused("another scheme", "GET ftp://a/odd HTTP/1.1"),
        refused("a scheme that is none", "GET 1://a/odd HTTP/1.1"),
        refused("a host and a port alone", "GET a:80 HTTP/1.1"),
        refused("a name alone", "GET odd HTTP/1.1"),
        refused("a query alone", "GET ?odd HTTP/1.1"),
        refused("the server, by GET", "GET * HTTP/1.1"),
        odd(
            "the server",
            head("OPTIONS * HTTP/1.1", "host: a"),
            "200 200",
            Has(&["OPTIONS * HTTP/1.1\r\n"], &[]),
        ),
        odd(
            "a tunnel",
            head("CONNECT a:80 HTTP/1.1", "host: a:80"),
            "501 200",
            NOTHING,
        ),
        odd(
            "a tunnel to a path",
            head("CONNECT /odd HTTP/1.1", "host: a"),
            "501 200",
            NOTHING,
        ),
    ])
    .await;
}
