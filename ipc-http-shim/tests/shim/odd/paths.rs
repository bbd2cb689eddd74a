//! Paths that a server behind the gateway may take for others.

use super::There::Has;
use super::{NOTHING, each_is_answered_as_told, odd};

fn get(path: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET ", path.as_ref(), b" HTTP/1.1\r\nhost: s\r\n\r\n"].concat()
}

#[tokio::test]
async fn a_path_that_is_resolved_to_another_one_goes_nowhere() {
    let refused = |path: &'static str| odd(path, get(path), "400", NOTHING);
    each_is_answered_as_told(vec![
        refused("/a/../b"),
        refused("/.."),
        refused("/./a"),
        refused("/a/."),
        refused("/a/%2e%2E/b"),
        refused("/a/.%2e/b"),
        refused("/a/%2e/b"),
        refused("/a%2f..%2fb"),
        refused("/a/..%2Fb"),
        refused("/a\\..\\b"),
        refused("/a%5c..%5Cb"),
        refused("/a/..;x/b"),
        refused("/a/..%3bx/b"),
        refused("/a%00"),
        refused("/a%00.txt"),
        refused("/a/%c0%ae%c0%ae/b"),
        refused("/a%c0%afb"),
        refused("/a%e0%80%afb"),
        refused("/a%f0%80%80%afb"),
        refused("/a%"),
        refused("/a%2"),
        refused("/a%zz"),
        refused("/a%u002e"),
        refused("http://s/a/../b"),
    ])
    .await;
}

#[tokio::test]
async fn a_path_that_is_odd_and_no_other_arrives_byte_for_byte() {
    let passed = |path: &'static str, seen: &'static [&'static str]| {
        odd(path, get(path), "200 200", Has(seen, &[]))
    };
    each_is_answered_as_told(vec![
        passed("/a%2Fb", &["GET /a%2Fb HTTP/1.1\r\n"]),
        passed(
            "/%61%7e?%61=../%00%",
            &["GET /%61%7e?%61=../%00% HTTP/1.1\r\n"],
        ),
        passed("//a//b/", &["GET //a//b/ HTTP/1.1\r\n"]),
        passed("/a/...", &["GET /a/... HTTP/1.1\r\n"]),
        passed("/.well-known", &["GET /.well-known HTTP/1.1\r\n"]),
        passed("/a..b/c.", &["GET /a..b/c. HTTP/1.1\r\n"]),
        passed("/a%252e%252e/b", &["GET /a%252e%252e/b HTTP/1.1\r\n"]),
        passed("/caf%e9", &["GET /caf%e9 HTTP/1.1\r\n"]),
        passed("/a%0d%0ax:1", &["GET /a%0d%0ax:1 HTTP/1.1\r\n"]),
        passed("/a;b=c", &["GET /a;b=c HTTP/1.1\r\n"]),
        passed("/a?", &["GET /a? HTTP/1.1\r\n"]),
        // What a client keeps for itself.
        passed("/a#b", &["GET /a HTTP/1.1\r\n"]),
    ])
    .await;
}

#[tokio::test]
async fn bytes_that_no_target_has_end_the_connection() {
    let refused = |what, path: &[u8], back| odd(what, get(path), back, NOTHING);
    each_is_answered_as_told(vec![
        refused("a zero byte", b"/a\0b", "400"),
        refused("a control character", b"/a\x01b", "400"),
        refused("delete", b"/a\x7fb", "400"),
        refused("a tab", b"/a\tb", "400"),
        refused("a space", b"/a b", "400"),
        refused("a bare CR", b"/a\rb", "400"),
        refused("a bare LF", b"/a\nb", "400"),
        refused("no text", b"/a\xff", "400"),
        refused("nothing", b"", "400"),
        refused(
            "over the limit",
            format!("/{}", "a".repeat(20_000)).as_bytes(),
            "414 200",
        ),
        refused(
            "over every limit",
            format!("/{}", "a".repeat(100_000)).as_bytes(),
            "414",
        ),
    ])
    .await;
}
