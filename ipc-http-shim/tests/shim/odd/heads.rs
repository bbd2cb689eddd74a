//! First lines and headers.

use super::There::Has;
use super::{NOTHING, each_is_answered_as_told, get, head, odd};

#[tokio::test]
async fn a_first_line_has_a_method_a_target_and_a_version() {
    let refused = |what, first: &str| odd(what, head(first, "host: s"), "400", NOTHING);
    let passed = |what, first: &str, seen| odd(what, head(first, "host: s"), "200 200", seen);
    each_is_answered_as_told(vec![
        odd("HTTP/0.9", "GET /odd\r\n", "400", NOTHING),
        refused("no version", "GET /odd"),
        refused("no version but a space", "GET /odd "),
        refused("a version in lower case", "GET /odd http/1.1"),
        refused("a version to come", "GET /odd HTTP/1.2"),
        refused("version 2 in text", "GET /odd HTTP/2.0"),
        refused("version 3", "GET /odd HTTP/3"),
        refused("a longer version", "GET /odd HTTP/1.10"),
        refused("something behind the version", "GET /odd HTTP/1.1 x"),
        refused("a tab for a space", "GET\t/odd\tHTTP/1.1"),
        refused("no method", " /odd HTTP/1.1"),
        refused("a method that is none", "G@T /odd HTTP/1.1"),
        refused("a method with a colon", "GET: /odd HTTP/1.1"),
        refused("a space first", " GET /odd HTTP/1.1"),
        passed(
            "a method of its own",
            "BREW /odd HTTP/1.1",
            Has(&["BREW /odd "], &[]),
        ),
        passed(
            "a method in lower case",
            "get /odd HTTP/1.1",
            Has(&["get /odd "], &[]),
        ),
        passed(
            "an empty line first",
            "\r\nGET /odd HTTP/1.1",
            Has(&["GET /odd "], &[]),
        ),
        odd(
            "HTTP/1.0 that goes on",
            head("GET /odd HTTP/1.0", "host: s|connection: keep-alive"),
            "200 200",
            Has(&["GET /odd HTTP/1.1\r\n"], &["keep-alive"]),
        ),
        odd(
            "HTTP/1.0",
            head("GET /odd HTTP/1.0", "host: s"),
            "200",
            Has(&["GET /odd "], &[]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_header_is_a_name_and_a_value_on_a_line() {
    let refused = |what, lines: &str| odd(what, get(lines), "400", NOTHING);
    let many: String = (0..101).map(|n| format!("|x-{n}: 1")).collect();
    let far_too_many: String = (0..300).map(|n| format!("|x-{n}: 1")).collect();
    each_is_answered_as_told(vec![
        refused("a folded line", "host: s|x: 1| 2"),
        refused("a folded line with a tab", "host: s|x: 1|\t2"),
        refused("a folded first line", " x: 1|host: s"),
        refused("a folded host", "host:| s"),
        refused("a space within a name", "host: s|x y: 1"),
        refused("a space behind a name", "host: s|x : 1"),
        refused("a tab behind a name", "host: s|x\t: 1"),
        refused("no name", "host: s|: 1"),
        refused("no colon", "host: s|x"),
        refused("a zero byte in a name", "host: s|x\0: 1"),
        refused("a zero byte in a value", "host: s|x: 1\0"),
        refused("a control character", "host: s|x: 1\x01"),
        refused("delete", "host: s|x: 1\x7f"),
        refused("a bare CR", "host: s|x: 1\rx-hidden: 1"),
        refused("a bare CR first", "host: s|\rx: 1"),
        refused("a name of many bytes", "host: s|\u{fc}: 1"),
        odd(
            "lines that end with LF alone",
            "GET /odd HTTP/1.1\nhost: s\nx: 1\n\n",
            "200 200",
            Has(&["GET /odd HTTP/1.1\r\n", "\r\nx: 1\r\n"], &[]),
        ),
        odd(
            "a line within a value that ends with LF alone",
            get("host: s|x: 1\ny: 2"),
            "200 200",
            Has(&["\r\nx: 1\r\n", "\r\ny: 2\r\n"], &[]),
        ),
        odd(
            "bytes beyond ASCII in a value",
            get("host: s|x: \u{fc}"),
            "200 200",
            Has(&["\r\nx: \u{fc}\r\n"], &[]),
        ),
        odd(
            "too many",
            get(&format!("host: s{many}")),
            "431 200",
            NOTHING,
        ),
        odd(
            "far too many",
            get(&format!("host: s{far_too_many}")),
            "431",
            NOTHING,
        ),
        odd(
            "a large one",
            get(&format!("host: s|x: {}", "1".repeat(70_000))),
            "431 200",
            NOTHING,
        ),
        odd(
            "a far too large one",
            get(&format!("host: s|x: {}", "1".repeat(300_000))),
            "431",
            NOTHING,
        ),
    ])
    .await;
}

#[tokio::test]
async fn no_client_passes_for_the_gateway_or_has_it_forget_what_others_see() {
    each_is_answered_as_told(vec![
        odd(
            "headers that are the gateway's to send",
            get(
                "host: s|ipc-principal: me|IPC-Caller: me|ipc-deadline: 1|kafka_replyTopic: t|x: 1",
            ),
            "200 200",
            Has(&["\r\nx: 1\r\n"], &["ipc-", "kafka_"]),
        ),
        odd(
            "a connection that names what is for every recipient",
            get(
                "host: shop|authorization: a|x-forwarded-for: 192.0.2.7|x-mine: 1|\
                 connection: Host, authorization, x-forwarded-for|connection: x-mine",
            ),
            "200 200",
            Has(
                &[
                    "\r\nhost: shop\r\n",
                    "\r\nauthorization: a\r\n",
                    "\r\nx-forwarded-for: 192.0.2.7, 127.0.0.1\r\n",
                ],
                &["x-mine", "connection"],
            ),
        ),
        odd(
            "a connection that names the gateway's own",
            get("host: s|ipc-principal: me|connection: ipc-principal, x-forwarded-proto"),
            "200 200",
            Has(
                &["\r\nx-forwarded-proto: http\r\n"],
                &["ipc-", "connection"],
            ),
        ),
        odd(
            "a length that the connection names",
            head(
                "POST /odd HTTP/1.1",
                "host: s|connection: content-length|content-length: 5",
            ) + "abcde",
            "200 200",
            Has(
                &["\r\ncontent-length: 5\r\n", "\r\n\r\nabcde"],
                &["transfer-encoding"],
            ),
        ),
        odd(
            "headers of a connection",
            get(
                "host: s|te: trailers|keep-alive: 5|proxy-connection: keep-alive|upgrade: h2c|x: 1",
            ),
            "200 200",
            Has(
                &["\r\nx: 1\r\n"],
                &["\r\nte:", "keep-alive", "proxy-", "upgrade"],
            ),
        ),
        odd(
            "another protocol that the connection does not name",
            get("host: s|upgrade: websocket"),
            "200 200",
            Has(&["GET /odd "], &["upgrade", "websocket"]),
        ),
        odd(
            "another protocol in HTTP/1.0",
            head(
                "GET /odd HTTP/1.0",
                "host: s|upgrade: websocket|connection: upgrade",
            ),
            "200",
            Has(&["GET /odd "], &["upgrade", "websocket"]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_expected_is_the_first_byte_of_a_body_or_it_is_417() {
    let post = |lines: &str| head("POST /odd HTTP/1.1", lines) + "abcde";
    each_is_answered_as_told(vec![
        odd(
            "a first byte",
            post("host: s|content-length: 5|expect: 100-Continue"),
            "100 200 200",
            Has(&["\r\n\r\nabcde"], &["expect"]),
        ),
        odd(
            "something else",
            post("host: s|content-length: 5|expect: tea"),
            "417 200",
            NOTHING,
        ),
        odd(
            "both",
            post("host: s|content-length: 5|expect: 100-continue|expect: tea"),
            "417 200",
            NOTHING,
        ),
        odd(
            "nothing",
            post("host: s|content-length: 5|expect:"),
            "417 200",
            NOTHING,
        ),
        odd(
            "a first byte, in HTTP/1.0",
            head(
                "POST /odd HTTP/1.0",
                "host: s|content-length: 5|expect: 100-continue",
            ) + "abcde",
            "200",
            Has(&["\r\n\r\nabcde"], &["expect"]),
        ),
    ])
    .await;
}
