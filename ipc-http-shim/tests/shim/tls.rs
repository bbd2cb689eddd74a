//! TLS towards clients.

use http::{StatusCode, Version};
use ipc_http_shim::server::Refused;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    Authority, Fake, Http, Issued, Running, file, get, running_config, text, try_config, within,
};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";

/// A configuration with this certificate, and more lines of `[tls]`.
fn with(issued: &Issued, more: &str) -> String {
    format!("{ROUTE}[tls]\n{}{more}", issued.settings())
}

/// Services that tell whom they have answered.
fn telling() -> Fake {
    Fake::telling(|seen| {
        let certificate = seen.peer.certificate.as_deref();
        let name = certificate.and_then(|it| it.common_name.as_deref());
        format!("{} {}", seen.peer.scheme(), name.unwrap_or("nobody"))
    })
}

async fn metric(shim: &Running, line: &str) -> Option<f64> {
    let metrics = text(shim.probe("/metrics").await).await;
    let value = metrics.lines().find_map(|found| found.strip_prefix(line));
    value.map(|value| value.trim().parse().expect("it is a number"))
}

#[tokio::test]
async fn both_versions_of_http_are_served_over_tls() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let shim = Running::start(&with(&issued, ""), telling()).await;
    let client = authority.client(None);

    for (http, version) in [(Http::One, Version::HTTP_11), (Http::Two, Version::HTTP_2)] {
        let connected = within(client.connect(shim.address, http)).await;
        let mut connection = connected.expect("it is trusted");
        for _ in 0..2 {
            let answer = within(connection.send(get("/a"))).await;
            assert_eq!(answer.version(), version);
            assert_eq!(text(answer).await, "https nobody");
        }
    }

    let completed = "ipc_shim_tls_handshakes_total{outcome=\"completed\"}";
    assert_eq!(metric(&shim, completed).await, Some(2.0));
    let ends = "ipc_shim_tls_certificate_not_after_seconds{certificate=\"listener\"}";
    // The year 4096.
    assert_eq!(metric(&shim, ends).await, Some(67_090_118_400.0));
}

#[tokio::test]
async fn a_client_without_a_good_certificate_is_turned_down_where_one_is_required() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let issued = authority.issue("gateway");
    let ca = authority.file();
    let required = format!("client_ca = \"{}\"\n", ca.path().display());
    let shim = Running::start(&with(&issued, &required), telling()).await;

    let billing = authority.issue("billing");
    let connected = authority.client(Some(&billing));
    let connected = within(connected.connect(shim.address, Http::Two)).await;
    let answer = within(connected.expect("it is trusted").send(get("/a"))).await;
    assert_eq!(text(answer).await, "https billing");

    let of_a_stranger = stranger.issue("billing");
    let expired = authority.issue_until("billing", 2020);
    for identity in [None, Some(&of_a_stranger), Some(&expired)] {
        let client = authority.client(identity);
        let error = within(client.turned_down(shim.address)).await;
        assert!(error.to_string().contains("alert"), "{error}");
    }
    let failed = "ipc_shim_tls_handshakes_total{outcome=\"failed\"}";
    assert_eq!(metric(&shim, failed).await, Some(3.0));
}

#[tokio::test]
async fn where_a_certificate_is_optional_a_client_without_one_is_nobody_and_a_bad_one_no_better() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let issued = authority.issue("gateway");
    let ca = authority.file();
    let optional = format!(
        "client_ca = \"{}\"\nclient_auth = \"optional\"\n",
        ca.path().display()
    );
    let shim = Running::start(&with(&issued, &optional), telling()).await;

    let billing = authority.issue("billing");
    for (identity, told) in [(None, "https nobody"), (Some(&billing), "https billing")] {
        let client = authority.client(identity);
        let connected = within(client.connect(shim.address, Http::One)).await;
        let answer = within(connected.expect("it is trusted").send(get("/a"))).await;
        assert_eq!(text(answer).await, told);
    }
    let of_a_stranger = stranger.issue("billing");
    let client = authority.client(Some(&of_a_stranger));
    within(client.turned_down(shim.address)).await;
}

#[tokio::test]
async fn what_is_no_handshake_is_hung_up_on_and_others_are_served() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let shim = Running::start(&with(&issued, ""), telling()).await;

    for garbage in [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], &[0; 600]] {
        let mut stream = TcpStream::connect(shim.address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut told = Vec::new();
        // It may be closed with bytes unread, which a client sees as a reset.
        let _ = within(stream.read_to_end(&mut told)).await;
        assert!(!told.starts_with(b"HTTP"), "{told:?}");
    }

    let client = authority.client(None);
    let connected = within(client.connect(shim.address, Http::One)).await;
    let answer = within(connected.expect("it is trusted").send(get("/a"))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let failed = "ipc_shim_tls_handshakes_total{outcome=\"failed\"}";
    assert_eq!(metric(&shim, failed).await, Some(2.0));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_and_its_place_is_free_again() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let narrow = "handshake_timeout = \"3s\"\nhandshakes = 1\n";
    let shim = Running::start(&with(&issued, narrow), telling()).await;

    let mut silent = TcpStream::connect(shim.address).await.unwrap();
    let mut told = Vec::new();
    within(silent.read_to_end(&mut told)).await.unwrap();
    assert_eq!(told, b"");

    let client = authority.client(None);
    let connected = within(client.connect(shim.address, Http::One)).await;
    connected.expect("there is a place");
    let timed_out = "ipc_shim_tls_handshakes_total{outcome=\"timed_out\"}";
    assert_eq!(metric(&shim, timed_out).await, Some(1.0));
}

#[tokio::test]
async fn handshakes_under_way_end_with_the_drain() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let patient = format!(
        "drain = \"1h\"\n{}",
        with(&issued, "handshake_timeout = \"1h\"\n")
    );
    let mut shim = Running::start(&patient, telling()).await;
    let mut silent = TcpStream::connect(shim.address).await.unwrap();
    // Connections come in one after the other: the silent one has by now.
    let client = authority.client(None);
    let connected = within(client.connect(shim.address, Http::One)).await;
    drop(connected.expect("it is trusted"));

    shim.stop();

    let mut told = Vec::new();
    within(silent.read_to_end(&mut told)).await.unwrap();
    assert_eq!(within(shim.ended()).await.cut_off, 0);
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_the_others_go_on() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let shim = Running::start(&with(&issued, ""), telling()).await;
    let client = authority.client(None);
    let connected = within(client.connect(shim.address, Http::Two)).await;
    let mut earlier = connected.expect("it is trusted");
    assert_eq!(
        text(within(earlier.send(get("/a"))).await).await,
        "https nobody"
    );

    let renewed = authority.issue("gateway");
    issued.replace_by(&renewed);
    let next = running_config(&with(&issued, ""));
    shim.live.change(&next).expect("it is in order");

    let connected = within(client.connect(shim.address, Http::Two)).await;
    let later = connected.expect("it is trusted");
    assert_ne!(later.shown, earlier.shown);
    assert_eq!(later.shown, renewed.der());
    assert_eq!(
        text(within(earlier.send(get("/a"))).await).await,
        "https nobody"
    );
}

#[tokio::test]
async fn a_new_certificate_that_has_expired_is_refused_and_the_good_one_goes_on() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let good = issued.der();
    let shim = Running::start(&with(&issued, ""), telling()).await;

    issued.replace_by(&authority.issue_until("gateway", 2020));
    let next = running_config(&with(&issued, ""));
    let refused = shim.live.change(&next).expect_err("it has expired");

    let path = issued.certificate.path().to_owned();
    assert_eq!(refused, Refused::Expired(path));
    let client = authority.client(None);
    let connected = within(client.connect(shim.address, Http::One)).await;
    assert_eq!(connected.expect("it is trusted").shown, good);
}

#[tokio::test]
async fn tls_is_not_switched_off_by_a_file_without_it() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let shim = Running::start(&with(&issued, ""), telling()).await;

    let refused = shim.live.change(&running_config(ROUTE));

    let restart = Refused::Restart(vec!["whether there is [tls]".to_owned()]);
    assert_eq!(refused, Err(restart));
}

#[test]
fn files_that_are_no_good_are_told_of_with_their_places_and_never_what_stands_in_them() {
    let authority = Authority::new();
    let (issued, other) = (authority.issue("gateway"), authority.issue("other"));
    let empty = file("hunter2");
    let broken = file("-----BEGIN PRIVATE KEY-----\nhunter2\n");
    let [certificate, key, foreign, empty, broken] = [
        issued.certificate.path(),
        issued.key.path(),
        other.key.path(),
        empty.path(),
        broken.path(),
    ]
    .map(|path| path.display().to_string());
    for (lines, place, what) in [
        (
            format!("certificate = \"{certificate}\"\n"),
            "1:1",
            "[tls] has no key",
        ),
        (
            format!("certificate = \"no-such.pem\"\nkey = \"{key}\"\n"),
            "2:15",
            "certificate no-such.pem cannot be read: ",
        ),
        (
            format!("certificate = \"{empty}\"\nkey = \"{key}\"\n"),
            "2:15",
            "holds no certificate: ",
        ),
        (
            format!("certificate = \"{certificate}\"\nkey = \"{empty}\"\n"),
            "3:7",
            "holds no private key: ",
        ),
        (
            format!("certificate = \"{certificate}\"\nkey = \"{broken}\"\n"),
            "3:7",
            "is not PEM: a section does not end: ",
        ),
        (
            format!("certificate = \"{certificate}\"\nkey = \"{foreign}\"\n"),
            "3:7",
            "is not that of certificate ",
        ),
        (
            format!(
                "certificate = \"{certificate}\"\nkey = \"{key}\"\nclient_auth = \"optional\"\n"
            ),
            "4:15",
            "nothing says whose certificates are good: ",
        ),
        (
            format!("certificate = \"{certificate}\"\nkey = \"{key}\"\nclient_ca = \"{empty}\"\n"),
            "4:13",
            "holds no certificate: ",
        ),
        (
            "certificate = \"a\"\nkey = \"-----BEGIN PRIVATE KEY-----hunter2\"\n".to_owned(),
            "3:7",
            "key holds PEM: ",
        ),
    ] {
        let listed = try_config(&format!("[tls]\n{lines}[[routes]]\npath = \"/a\"\n"));
        let listed = listed.expect_err("it cannot be served").to_string();
        let told = listed
            .lines()
            .any(|line| line.starts_with(&format!("shim.toml:{place}: ")) && line.contains(what));
        assert!(told, "{what}: {listed}");
        assert!(!listed.contains("hunter2"), "{listed}");
    }
}

#[tokio::test]
async fn without_tls_nothing_is_counted_of_it() {
    let shim = Running::start(ROUTE, telling()).await;

    let metrics = text(shim.probe("/metrics").await).await;

    assert!(!metrics.contains("ipc_shim_tls_certificate_not_after_seconds{"));
    assert_eq!(text(shim.send(get("/a")).await).await, "http nobody");
}
