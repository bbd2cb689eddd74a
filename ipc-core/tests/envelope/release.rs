//! The bytes of each release. What this one writes is pinned by the last file;
//! what any of them wrote must stay readable.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use ipc_core::envelope::{
    Accepts, CallerId, Chain, Control, CorrelationId, Deadline, Dialect, Envelope, Headers,
    Problem, ReplyAddress, ReplyHead, ReplyPart, ReplyWriter, RequestHead, TraceContext,
    UnixMillis, names,
};

use super::dump::{self, Case};

const RELEASE_0_1: &str = include_str!("../golden/ipc-0.1.txt");

const PROBLEM: &str = "application/problem+json";

fn raw_id() -> CorrelationId {
    let id = b"\x01\x9a\xa5\xd1\xc9\xe0\x7b\x01\x8c\x2d\x3e\x4f\x50\x61\x72\x83";
    CorrelationId::from(Bytes::from_static(id))
}

fn text_id() -> CorrelationId {
    let id = b"019aa5d1-c9e0-7b01-8c2d-3e4f50617283";
    CorrelationId::from(Bytes::from_static(id))
}

fn caller() -> CallerId {
    CallerId::from(bytestring::ByteString::from_static(
        "shop/6f1b2c3d4e5f60718293a4b5c6d7e8f9",
    ))
}

fn trace() -> TraceContext {
    TraceContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .unwrap()
        .with_state(&Bytes::from_static(b"vendor=1"))
}

fn deadline() -> Deadline {
    Deadline {
        at: UnixMillis(1_795_250_778_000),
        budget: Some(Duration::from_millis(5000)),
    }
}

/// A call with everything a request can say.
fn call() -> RequestHead {
    RequestHead {
        correlation_id: Some(raw_id()),
        reply_to: Some(ReplyAddress::new("shop.replies", Some(3))),
        method: Some("POST".into()),
        path: Some("/orders/7/place?dry=1".into()),
        deadline: Some(deadline()),
        caller: Some(caller()),
        attempt: 1,
        accepts: Accepts::ALL,
        idempotency_key: Some("op-42".into()),
        trace: Some(trace()),
        chain: Chain::default().with("carts", b"9"),
        ..RequestHead::default()
    }
}

fn one_way() -> RequestHead {
    RequestHead {
        correlation_id: Some(raw_id()),
        method: Some("POST".into()),
        path: Some("/orders/7/audit".into()),
        caller: Some(caller()),
        attempt: 2,
        ..RequestHead::default()
    }
}

fn chunked(chunk: u32, end: bool) -> RequestHead {
    RequestHead {
        chunk: Some(chunk),
        end,
        ..call()
    }
}

fn foreign(dialect: Dialect) -> RequestHead {
    let partition = (dialect != Dialect::FastStream).then_some(3);
    RequestHead {
        dialect,
        correlation_id: Some(text_id()),
        reply_to: Some(ReplyAddress::new("shop.replies", partition)),
        attempt: 1,
        accepts: Accepts {
            chunks: false,
            stream: dialect == Dialect::NestJs,
        },
        ..RequestHead::default()
    }
}

const FOREIGN: [(&str, Dialect); 3] = [
    ("NestJS", Dialect::NestJs),
    ("FastStream", Dialect::FastStream),
    ("SmallRye", Dialect::SmallRye),
];

fn controls() -> Vec<Control> {
    vec![
        Control::Cancel {
            correlation_id: raw_id(),
            caller: caller(),
        },
        Control::Credit {
            correlation_id: raw_id(),
            caller: caller(),
            bytes: 1_048_576,
            records: Some(2),
        },
        Control::Presence {
            instance: "orders-7d9f".into(),
            partitions: BTreeSet::from([0, 1, 2, 3, 7]),
            valid_until: UnixMillis(1_795_250_776_000),
            obeyed: None,
        },
        Control::Farewell {
            instance: "orders-7d9f".into(),
        },
        Control::Ping {
            caller: caller(),
            nonce: 1,
        },
    ]
}

fn record(content_type: &'static str, body: &[u8]) -> Envelope {
    let mut headers = Headers::new();
    if !content_type.is_empty() {
        headers.push(names::CONTENT_TYPE, content_type);
    }
    Envelope {
        headers,
        key: Some(Bytes::from_static(b"7")),
        payload: Some(Bytes::copy_from_slice(body)),
    }
}

fn sent(head: &RequestHead, mut record: Envelope) -> Envelope {
    head.write(&mut record.headers);
    record
}

fn answered(head: &RequestHead, status: u16, part: ReplyPart, mut record: Envelope) -> Envelope {
    ReplyWriter::new(head).write(status, part, &mut record);
    record
}

/// Text in the form of a dump.
#[derive(Default)]
struct Release(String);

impl Release {
    fn case(&mut self, title: &str) {
        self.0 += &format!("\n=== {title}\n");
    }

    fn section(&mut self, section: &str, place: &str, records: &[Envelope]) {
        self.0 += &format!("--- {section}\n");
        for record in records {
            self.0 += &dump::format(place, record);
        }
    }

    fn requests(&mut self, records: &[Envelope]) {
        self.section("request", "orders.requests", records);
    }

    fn replies(&mut self, records: &[Envelope]) {
        self.section("reply", "shop.replies", records);
    }
}

fn written() -> String {
    let json = |body: &str| record("application/json", body.as_bytes());
    let bare = |body: &str| record("", body.as_bytes());
    let problem = Problem::new("moved", "The service instance is going away", 503);
    let problem = || record(PROBLEM, &problem.to_json());
    let whole = ReplyPart::Whole;
    let stream = |seq, end| ReplyPart::Stream { seq, end };
    let chunk = |chunk, end| ReplyPart::Chunk { chunk, end };

    let mut release = Release::default();
    release.case("call");
    release.requests(&[sent(&call(), json(r#"{"count":1}"#))]);
    release.replies(&[answered(&call(), 201, whole, json(r#"{"placed":true}"#))]);
    release.case("call that fails");
    release.requests(&[sent(&call(), json(r#"{"count":0}"#))]);
    release.replies(&[answered(&call(), 503, whole, problem())]);
    release.case("reply stream");
    release.requests(&[sent(&call(), bare(""))]);
    release.replies(&[
        answered(&call(), 200, stream(0, false), json("")),
        answered(&call(), 200, stream(1, false), bare(r#"{"n":1}"#)),
        answered(&call(), 200, stream(2, true), bare("")),
    ]);
    release.case("reply stream that fails");
    release.requests(&[sent(&call(), bare(""))]);
    release.replies(&[
        answered(&call(), 200, stream(0, false), json("")),
        answered(&call(), 503, stream(1, true), problem()),
    ]);
    release.case("bodies in chunks");
    release.requests(&[
        sent(&chunked(0, false), bare("half of ")),
        sent(&chunked(1, true), bare("a body")),
    ]);
    release.replies(&[
        answered(&call(), 200, chunk(0, false), bare("half of ")),
        answered(&call(), 200, chunk(1, true), bare("a body")),
    ]);
    release.case("one-way");
    release.requests(&[sent(&one_way(), json(r#"{"seen":true}"#))]);
    for (name, dialect) in FOREIGN {
        let head = foreign(dialect);
        release.case(&format!("call of {name}, and from it"));
        release.requests(&[sent(&head, json(r#"{"count":1}"#))]);
        release.replies(&[
            answered(&head, 200, whole, json(r#"{"placed":true}"#)),
            answered(&head, 503, whole, problem()),
        ]);
    }
    release.case("control records");
    let controls: Vec<_> = controls().iter().map(Control::to_envelope).collect();
    let (ping, others) = controls.split_last().unwrap();
    release.section("control", "orders.control", others);
    release.section("ping", "shop.replies", std::slice::from_ref(ping));
    release.0
}

#[test]
fn this_release_writes_the_bytes_of_0_1() {
    let (comments, golden) = RELEASE_0_1.split_once("\n\n").unwrap();
    assert!(comments.lines().all(|line| line.starts_with('#')));
    let written = written();
    assert!(
        written.trim_start() == golden,
        "the bytes have changed:\n{written}"
    );
}

fn cases() -> Vec<Case> {
    dump::parse(RELEASE_0_1)
}

fn case(title: &str) -> Case {
    let found = cases().into_iter().find(|case| case.title == title);
    found.unwrap_or_else(|| panic!("no case {title}"))
}

fn requests(title: &str) -> Vec<RequestHead> {
    case(title)
        .section("request")
        .iter()
        .map(|record| RequestHead::parse(&record.envelope.headers).unwrap())
        .collect()
}

#[test]
fn requests_of_0_1_are_read() {
    assert_eq!(requests("call"), [call()]);
    assert_eq!(requests("one-way"), [one_way()]);
    assert_eq!(
        requests("bodies in chunks"),
        [chunked(0, false), chunked(1, true)]
    );
    for (name, dialect) in FOREIGN {
        let title = format!("call of {name}, and from it");
        assert_eq!(requests(&title), [foreign(dialect)]);
    }
}

#[test]
fn replies_of_0_1_are_read() {
    // status, seq, chunk, end
    type Read = (u16, Option<u32>, Option<u32>, bool);
    let expected: [(&str, &[Read]); 5] = [
        ("call", &[(201, None, None, true)]),
        ("call that fails", &[(503, None, None, true)]),
        (
            "reply stream",
            &[
                (200, Some(0), None, false),
                (200, Some(1), None, false),
                (200, Some(2), None, true),
            ],
        ),
        (
            "reply stream that fails",
            &[(200, Some(0), None, false), (503, Some(1), None, true)],
        ),
        (
            "bodies in chunks",
            &[(200, None, Some(0), false), (200, None, Some(1), true)],
        ),
    ];
    for (title, expected) in expected {
        let mut read = Vec::new();
        for reply in case(title).replies() {
            let head = ReplyHead::parse(&reply.headers).unwrap();
            assert_eq!(head.correlation_id, raw_id());
            assert_eq!(head.caller, Some(caller()));
            read.push((head.status, head.seq, head.chunk, head.end));
        }
        assert_eq!(read, expected, "{title}");
    }
}

#[test]
fn control_records_of_0_1_are_read() {
    let case = case("control records");
    let records = case.section("control").iter().chain(case.section("ping"));
    let read: Vec<_> = records
        .filter_map(|record| Control::parse(&record.envelope.headers))
        .collect();
    assert_eq!(read, controls());
}
