//! HTTP/2, frame by frame.

use super::There::Has;
use super::recorder::Recorder;
use super::{NOTHING, There, complaints, each_is_answered_as_told, odd};
use crate::support::{Fake, Raw, Running};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const GONE: u8 = 7;
/// The request has no body, and its head no other frame.
const WHOLE: u8 = 0x5;

type Fields<'f> = &'f [(&'f str, &'f str)];

/// A request that is in order.
const PLAIN: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "shop"),
    (":path", "/odd"),
];

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len())
        .expect("it is short")
        .to_be_bytes();
    let head = [0, length[0], length[1], kind, flags, 0, 0, 0, stream];
    [&head[..], payload].concat()
}

/// A head in which nothing is compressed.
fn block(fields: Fields<'_>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// What becomes of a request: its status, or how its stream or connection ended.
async fn answered(shim: &Running, fields: Fields<'_>) -> &'static str {
    let mut client = Raw::open(shim.address).await;
    let request = frame(HEADERS, WHOLE, 1, &block(fields));
    client
        .send([PREFACE, &frame(SETTINGS, 0, 0, &[]), &request].concat())
        .await;
    loop {
        let head = client.bytes(9).await;
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = client.bytes(length).await;
        match head[3] {
            // The static table has these.
            HEADERS if payload.starts_with(&[0x88]) => return "200",
            HEADERS if payload.starts_with(&[0x8c]) => return "400",
            HEADERS => return "another",
            RESET => return "reset",
            GONE => return "gone",
            _ => {}
        }
    }
}

struct Row {
    what: &'static str,
    fields: Vec<(&'static str, &'static str)>,
    back: &'static str,
    there: There,
}

/// The request that is in order, without the pseudo-header `without` and with `with`.
fn row(
    what: &'static str,
    without: &str,
    with: &[(&'static str, &'static str)],
    back: &'static str,
) -> Row {
    let kept = PLAIN.into_iter().filter(|(name, _)| *name != without);
    let (pseudo, regular): (Vec<_>, Vec<_>) = with
        .iter()
        .copied()
        .partition(|(name, _)| name.starts_with(':'));
    Row {
        what,
        fields: kept.chain(pseudo).chain(regular).collect(),
        back,
        there: NOTHING,
    }
}

/// The same, which reaches the server.
fn passed(
    what: &'static str,
    without: &str,
    with: &[(&'static str, &'static str)],
    there: There,
) -> Row {
    Row {
        there,
        ..row(what, without, with, "200")
    }
}

async fn each_becomes(table: Vec<Row>) {
    let mut behind = Recorder::start().await;
    let shim = Running::start_before("", Fake::silent(), behind.address).await;
    let mut wrong = Vec::new();
    for Row {
        what,
        fields,
        back,
        there,
    } in table
    {
        let answer = answered(&shim, &fields).await;
        if answer != back {
            wrong.push(format!("{what}: {answer}, not {back}"));
        }
        wrong.extend(complaints(what, &there, &behind.seen()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_preface_with_something_else_behind_it_ends_the_connection() {
    let preface = String::from_utf8_lossy(PREFACE).into_owned();
    each_is_answered_as_told(vec![
        odd("a request", &preface, "", NOTHING),
        odd(
            "no frames",
            preface.clone() + &"\u{1}".repeat(100),
            "",
            NOTHING,
        ),
        odd("zeroes", preface.clone() + &"\0".repeat(100), "", NOTHING),
        odd(
            "half a preface",
            "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
            "400",
            NOTHING,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_request_has_each_pseudo_header_once_and_first() {
    let mut late = row("one behind a header", ":path", &[("x", "1")], "reset");
    late.fields.push((":path", "/odd"));
    each_becomes(vec![
        passed(
            "all of them",
            "",
            &[],
            Has(&["GET /odd HTTP/1.1\r\n", "\r\nhost: shop\r\n"], &[]),
        ),
        late,
        row("no method", ":method", &[], "reset"),
        row("two methods", "", &[(":method", "POST")], "reset"),
        row(
            "a method that is none",
            ":method",
            &[(":method", "G T")],
            "gone",
        ),
        row("an empty method", ":method", &[(":method", "")], "gone"),
        row("no scheme", ":scheme", &[], "reset"),
        row("another scheme", ":scheme", &[(":scheme", "ftp")], "400"),
        row("no path", ":path", &[], "reset"),
        row("an empty path", ":path", &[(":path", "")], "reset"),
        row("two paths", "", &[(":path", "/other")], "reset"),
        row(
            "a path without a slash",
            ":path",
            &[(":path", "odd")],
            "reset",
        ),
        row(
            "a path with a space",
            ":path",
            &[(":path", "/a b")],
            "reset",
        ),
        row(
            "a path with a line",
            ":path",
            &[(":path", "/a HTTP/1.1\r\nx: 1")],
            "reset",
        ),
        row(
            "a path with a zero byte",
            ":path",
            &[(":path", "/a\0")],
            "reset",
        ),
        row("a path of dots", ":path", &[(":path", "/a/../b")], "400"),
        row(
            "a URL as path",
            ":path",
            &[(":path", "http://other/odd")],
            "reset",
        ),
        row("the server, by GET", ":path", &[(":path", "*")], "400"),
        row("one of answers", "", &[(":status", "200")], "reset"),
        row("one that is none", "", &[(":odd", "1")], "gone"),
        row("a protocol", "", &[(":protocol", "websocket")], "reset"),
    ])
    .await;
}

#[tokio::test]
async fn a_request_names_one_host_wherever_it_does() {
    each_becomes(vec![
        passed(
            "in a header alone",
            ":authority",
            &[("host", "other")],
            Has(&["\r\nhost: other\r\n"], &[]),
        ),
        passed(
            "twice the same",
            "",
            &[("host", "SHOP")],
            Has(&["\r\nhost: shop\r\n"], &[]),
        ),
        row("two", "", &[("host", "other")], "400"),
        row("none", ":authority", &[], "400"),
        row(
            "two in headers",
            ":authority",
            &[("host", "a"), ("host", "b")],
            "400",
        ),
        row("two authorities", "", &[(":authority", "shop")], "reset"),
        row(
            "somebody's",
            ":authority",
            &[(":authority", "user@shop")],
            "400",
        ),
        row("an empty header", ":authority", &[("host", "")], "400"),
        row("a path", ":authority", &[(":authority", "shop/x")], "reset"),
    ])
    .await;
}

#[tokio::test]
async fn a_request_has_no_header_of_another_connection() {
    let reset = |what, name: &'static str, value| row(what, "", &[(name, value)], "reset");
    // No part of any head: what comes behind it cannot be read either.
    let gone = |what, name: &'static str, value| row(what, "", &[(name, value)], "gone");
    each_becomes(vec![
        reset("a connection", "connection", "close"),
        reset("a connection kept", "keep-alive", "timeout=5"),
        reset("a proxy's connection", "proxy-connection", "close"),
        reset("a coding", "transfer-encoding", "chunked"),
        reset("an upgrade", "upgrade", "websocket"),
        reset("codings of answers", "te", "gzip"),
        reset("a length that is not there", "content-length", "5"),
        gone("a name in capitals", "X-Odd", "1"),
        gone("a name with a space", "x y", "1"),
        gone("a name with a colon", "x:y", "1"),
        gone("a name with a line", "x\r\ny", "1"),
        gone("no name", "", "1"),
        gone("a value with a line", "x", "1\r\ny: 2"),
        gone("a value with a LF", "x", "1\ny: 2"),
        gone("a value with a zero byte", "x", "1\0"),
        passed(
            "trailers",
            "",
            &[("te", "trailers")],
            Has(&["GET /odd "], &["\r\nte:"]),
        ),
        passed(
            "the gateway's own",
            "",
            &[("ipc-principal", "me"), ("x", "1")],
            Has(&["\r\nx: 1\r\n"], &["ipc-"]),
        ),
        passed(
            "cookies in pieces",
            "",
            &[("cookie", "a=1"), ("x", "1"), ("cookie", "b=2")],
            Has(&["\r\ncookie: a=1; b=2\r\n"], &[]),
        ),
        Row {
            what: "a tunnel",
            fields: vec![(":method", "CONNECT"), (":authority", "shop:80")],
            back: "another",
            there: NOTHING,
        },
    ])
    .await;
}
