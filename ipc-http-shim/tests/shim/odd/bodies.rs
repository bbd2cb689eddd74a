//! Where a body ends, and the next request begins.

use super::There::Has;
use super::{NOTHING, There, each_is_answered_as_told, head, odd};

const POST: &str = "POST /odd HTTP/1.1";

/// A POST whose body is within one of the chunks, as these lines have it.
fn post(lines: &str, body: &str) -> String {
    head(POST, &format!("host: s|{lines}")) + body
}

#[tokio::test]
async fn a_length_is_one_number() {
    let refused = |what, lines: &str| odd(what, post(lines, "abcde"), "400", NOTHING);
    each_is_answered_as_told(vec![
        refused("two lengths", "content-length: 5|content-length: 6"),
        refused("two lengths in one", "content-length: 5, 5"),
        refused("a sign", "content-length: +5"),
        refused("a negative one", "content-length: -5"),
        refused("none", "content-length:"),
        refused("a hexadecimal one", "content-length: 0x5"),
        refused("a space within", "content-length: 5 5"),
        refused("one with a fraction", "content-length: 5.0"),
        refused("one beyond 64 bits", "content-length: 18446744073709551621"),
        refused("a space before the colon", "content-length : 5"),
        refused("a name in a folded line", "x: 1|\tcontent-length: 5"),
        odd(
            "the same twice",
            post("content-length: 5|content-length: 5", "abcde"),
            "200 200",
            Has(
                &["\r\ncontent-length: 5\r\n", "\r\n\r\nabcde"],
                &["5\r\ncontent-length"],
            ),
        ),
        odd(
            "a body of a GET",
            head("GET /odd HTTP/1.1", "host: s|content-length: 5") + "abcde",
            "200 200",
            Has(&["\r\ncontent-length: 5\r\n", "\r\n\r\nabcde"], &[]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_coding_is_chunked_once_and_wins_over_a_length() {
    const BODY: &str = "5\r\nabcde\r\n0\r\n\r\n";
    const CHUNKED: &[&str] = &[
        "\r\ntransfer-encoding: chunked\r\n",
        "\r\n5\r\nabcde\r\n0\r\n",
    ];
    let refused = |what, lines: &str, back| odd(what, post(lines, BODY), back, NOTHING);
    each_is_answered_as_told(vec![
        // Where a body has both, the connection ends with it (RFC 9112, 6.3).
        odd(
            "a length, and chunked",
            post("content-length: 3|transfer-encoding: chunked", BODY),
            "200",
            Has(CHUNKED, &["content-length"]),
        ),
        odd(
            "chunked, and a length",
            post("transfer-encoding: chunked|content-length: 3", BODY),
            "200",
            Has(CHUNKED, &["content-length"]),
        ),
        odd(
            "chunked, and a length that is none",
            post("transfer-encoding: chunked|content-length: x", BODY),
            "200",
            Has(CHUNKED, &["content-length"]),
        ),
        odd(
            "in capitals, after a tab",
            post("Transfer-Encoding:\tCHUNKED \t", BODY),
            "200 200",
            Has(CHUNKED, &[]),
        ),
        odd(
            "chunked in HTTP/1.0",
            head("POST /odd HTTP/1.0", "host: s|transfer-encoding: chunked") + BODY,
            "400",
            NOTHING,
        ),
        refused(
            "twice",
            "transfer-encoding: chunked|transfer-encoding: chunked",
            "400",
        ),
        refused("twice in one", "transfer-encoding: chunked, chunked", "400"),
        refused(
            "another one first",
            "transfer-encoding: gzip, chunked",
            "501",
        ),
        refused(
            "another one first, and none",
            "transfer-encoding: identity, chunked",
            "501",
        ),
        refused(
            "another line first",
            "transfer-encoding: x|transfer-encoding: chunked",
            "501",
        ),
        refused("nothing first", "transfer-encoding: , chunked", "501"),
        refused(
            "another one last",
            "transfer-encoding: chunked, identity",
            "400",
        ),
        refused(
            "another line last",
            "transfer-encoding: chunked|transfer-encoding: x",
            "400",
        ),
        refused("another one", "transfer-encoding: xchunked", "400"),
        refused("a quoted one", "transfer-encoding: \"chunked\"", "400"),
        refused("a parameter", "transfer-encoding: chunked;x", "400"),
        refused("none", "transfer-encoding:", "400"),
        refused(
            "a space before the colon",
            "transfer-encoding : chunked",
            "400",
        ),
        refused("a folded line", "transfer-encoding:| chunked", "400"),
        refused("a vertical tab", "transfer-encoding: \x0bchunked", "400"),
        refused("a zero byte", "transfer-encoding: chunked\0", "400"),
        refused(
            "a bare CR",
            "transfer-encoding: x\rtransfer-encoding: chunked",
            "400",
        ),
    ])
    .await;
}

#[tokio::test]
async fn chunks_that_are_none_end_the_connection_and_nothing_behind_them_is_read() {
    let begun = |what, chunk: &str, back| {
        odd(
            what,
            post("transfer-encoding: chunked", chunk),
            back,
            There::Begin,
        )
    };
    let long = "x".repeat(20_000);
    each_is_answered_as_told(vec![
        begun("a size beyond 64 bits", "10000000000000005\r\nabcde\r\n0\r\n\r\n", "400"),
        begun("a sign", "+5\r\nabcde\r\n0\r\n\r\n", "400"),
        begun("a prefix", "0x5\r\nabcde\r\n0\r\n\r\n", "400"),
        begun("no size", "\r\nabcde\r\n0\r\n\r\n", "400"),
        begun("a bare LF behind the size", "5\nabcde\r\n0\r\n\r\n", "400"),
        begun("a size that is too small", "4\r\nabcde\r\n0\r\n\r\n", "400"),
        begun("a LF within an extension", "5;x\n\r\nabcde\r\n0\r\n\r\n", "400"),
        begun("an endless extension", &format!("5;{long}\r\nabcde\r\n0\r\n\r\n"), "400"),
        odd(
            "an extension",
            post("transfer-encoding: chunked", "5;x=\"y\"\r\nabcde\r\n00;z\r\n\r\n"),
            "200 200",
            Has(&["\r\n5\r\nabcde\r\n0\r\n"], &["x=", ";z"]),
        ),
        odd(
            "trailers that nobody announced",
            post("transfer-encoding: chunked", "5\r\nabcde\r\n0\r\nx-sum: 1\r\n\r\n"),
            "200 200",
            Has(&["\r\n5\r\nabcde\r\n0\r\n\r\n"], &["x-sum"]),
        ),
        odd(
            "trailers",
            post(
                "transfer-encoding: chunked|trailer: x-sum, ipc-principal, content-length, host",
                "5\r\nabcde\r\n0\r\nx-sum: 1\r\nipc-principal: me\r\ncontent-length: 3\r\nhost: other\r\n\r\n",
            ),
            "200 200",
            Has(&["\r\n0\r\nx-sum: 1\r\n\r\n"], &["ipc-principal: ", "content-length: ", "other"]),
        ),
    ])
    .await;
}
