//! curl, in the ways that people use it.

use std::process::Stdio;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::Response;
use ipc_http_shim::upstream::ReplyRecord;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Authority, Fake, Running, within};

/// What curl prints of an answer that is to be had with these arguments, and is given this
/// to send: its body, its status and the version of HTTP.
async fn curl(arguments: &[&str], input: &[u8]) -> String {
    let curl = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--write-out", " %{http_code} HTTP/%{http_version}"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn();
    let mut curl = curl.expect("curl can be run: `cargo xtask setup` installs it");
    let mut stdin = curl.stdin.take().expect("it takes something");
    // One that asks for something only does not read it.
    let _ = within(stdin.write_all(input)).await;
    drop(stdin);
    let told = within(curl.wait_with_output()).await.expect("it ends");
    assert!(told.status.success(), "{arguments:?}");
    String::from_utf8(told.stdout).expect("it is text")
}

const ROUTE: &str = "[[routes]]\npath = \"/{*rest}\"\nservice = \"orders\"\n";

fn telling() -> Fake {
    Fake::telling(|seen| {
        let (method, uri) = (&seen.head.method, &seen.head.uri);
        format!("{method} {uri} {}", seen.body.len())
    })
}

#[tokio::test]
async fn curl_is_answered_however_it_asks() {
    let shim = Running::start(ROUTE, telling()).await;
    let large = vec![b'x'; 3 * 1024 * 1024];
    let form = "a=1";
    for (arguments, input, told) in [
        (&[][..], &b""[..], "GET /a?b=%20c 0 200 HTTP/1.1"),
        (&["--http1.0"], b"", "GET /a?b=%20c 0 200 HTTP/1"),
        // It offers an upgrade, and goes on without one.
        (&["--http2"], b"", "GET /a?b=%20c 0 200 HTTP/1.1"),
        (
            &["--http2-prior-knowledge"],
            b"",
            "GET /a?b=%20c 0 200 HTTP/2",
        ),
        (&["--head"], b"", "200 HTTP/1.1"),
        (&["--compressed"], b"", "GET /a?b=%20c 0 200 HTTP/1.1"),
        (&["--data", form], b"", "POST /a?b=%20c 3 200 HTTP/1.1"),
        // It waits for 100 first.
        (
            &["--data-binary", "@-"],
            &large,
            "POST /a?b=%20c 3145728 200 HTTP/1.1",
        ),
        (
            &["--upload-file", "-"],
            &large,
            "PUT /a?b=%20c 3145728 200 HTTP/1.1",
        ),
        (
            &["--http2-prior-knowledge", "--upload-file", "-"],
            &large,
            "PUT /a?b=%20c 3145728 200 HTTP/2",
        ),
        (
            &["--form", "file=@-"],
            b"12345",
            // With the borders of its parts.
            " 200 HTTP/1.1",
        ),
        (
            &["--request", "DELETE"],
            b"",
            "DELETE /a?b=%20c 0 200 HTTP/1.1",
        ),
    ] {
        let url = format!("http://{}/a?b=%20c", shim.address);
        let arguments = [arguments, &[&*url]].concat();
        let answer = curl(&arguments, input).await;
        assert!(answer.contains(told), "{arguments:?}: {answer}");
    }
}

#[tokio::test]
async fn curl_hears_a_stream_to_its_end() {
    let fake = Fake::streams(|_| {
        let records = ["one", "two"].map(|text| Bytes::from_static(text.as_bytes()));
        let records = (0..).zip(records);
        let records = records.map(|(seq, payload)| Ok(ReplyRecord { seq, payload }));
        let records = stream::iter(records.collect::<Vec<_>>()).boxed();
        Ok(Response::new(records))
    });
    let route = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\nmode = \"stream\"\n";
    let shim = Running::start(route, fake).await;
    let url = format!("http://{}/a", shim.address);

    for (version, told) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let heard = curl(&["--no-buffer", version, &url], b"").await;
        assert_eq!(
            heard,
            format!("id: 0\ndata: one\n\nid: 1\ndata: two\n\n 200 HTTP/{told}")
        );
    }
}

#[tokio::test]
async fn curl_chooses_http2_over_tls() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let config = format!("{ROUTE}[tls]\n{}", issued.settings());
    let shim = Running::start(&config, telling()).await;
    let trusted = authority.file();
    let trusted = trusted.path().to_str().expect("it is text");
    let url = format!("https://{}/a", shim.address);

    let told = curl(&["--cacert", trusted, &url], b"").await;

    assert_eq!(told, "GET /a 0 200 HTTP/2");
}
