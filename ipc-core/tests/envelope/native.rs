use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use ipc_core::envelope::{
    Accepts, CallerId, CorrelationId, Deadline, Envelope, Headers, Malformed, ReplyAddress,
    ReplyHead, ReplyPart, ReplyPartition, ReplyWriter, RequestHead, UnixMillis, names,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Text that no sender would put between quotes.
fn text() -> impl Strategy<Value = ByteString> {
    "[^\"]{0,30}".prop_map(ByteString::from)
}

fn correlation_id() -> impl Strategy<Value = CorrelationId> {
    vec(any::<u8>(), 0..40).prop_map(|bytes| CorrelationId::from(Bytes::from(bytes)))
}

fn reply_to() -> impl Strategy<Value = ReplyAddress> {
    // Below the first integer whose four bytes are all ASCII digits.
    let partition = prop::option::of(0..0x3030_3030);
    ("[a-zA-Z0-9._-]{1,40}", partition)
        .prop_map(|(topic, partition)| ReplyAddress::new(topic, partition))
}

fn deadline() -> impl Strategy<Value = Deadline> {
    (any::<u64>(), any::<Option<u64>>()).prop_map(|(at, budget)| Deadline {
        at: UnixMillis(at),
        budget: budget.map(Duration::from_millis),
    })
}

prop_compose! {
    fn request()(
        correlation_id in prop::option::of(correlation_id()),
        reply_to in prop::option::of(reply_to()),
        method in prop::option::of(text()),
        path in prop::option::of(text()),
        deadline in prop::option::of(deadline()),
        caller in prop::option::of(text()),
        attempt in 1..=u32::MAX,
        accepts in any::<(bool, bool)>(),
        idempotency_key in prop::option::of(text()),
        chunk in any::<Option<u32>>(),
        end in any::<bool>(),
    ) -> RequestHead {
        RequestHead {
            correlation_id,
            reply_to,
            method,
            path,
            deadline,
            caller: caller.map(CallerId::from),
            attempt,
            accepts: Accepts { chunks: accepts.0, stream: accepts.1 },
            idempotency_key,
            chunk,
            end,
        }
    }
}

fn part() -> impl Strategy<Value = ReplyPart> {
    prop_oneof![
        Just(ReplyPart::Whole),
        any::<(u32, bool)>().prop_map(|(seq, end)| ReplyPart::Stream { seq, end }),
        any::<(u32, bool)>().prop_map(|(chunk, end)| ReplyPart::Chunk { chunk, end }),
    ]
}

/// Headers with names the protocol knows and any bytes, or none, as values.
fn hostile() -> impl Strategy<Value = Headers> {
    let name = prop_oneof![
        prop::sample::select(vec![
            names::CORRELATION_ID,
            names::REPLY_TOPIC,
            names::REPLY_PARTITION,
            names::METHOD,
            names::PATH,
            names::STATUS,
            names::DEADLINE,
            names::BUDGET,
            names::CALLER,
            names::ATTEMPT,
            names::ACCEPT,
            names::SEQ,
            names::CHUNK,
            names::END,
            names::IDEMPOTENCY_KEY,
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    let value = prop_oneof![
        vec(any::<u8>(), 0..24),
        "[\"\\\\0-9]{0,6}".prop_map(String::into_bytes),
    ];
    vec((name, prop::option::of(value)), 0..20).prop_map(|pairs| {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push_value(name, value.map(Bytes::from));
        }
        headers
    })
}

proptest! {
    #[test]
    fn every_request_head_is_read_as_it_was_written(head in request()) {
        let mut headers = Headers::new();
        head.write(&mut headers);
        prop_assert_eq!(RequestHead::parse(&headers), Ok(head));
    }

    #[test]
    fn every_reply_is_read_as_it_was_written(
        id in correlation_id(),
        caller in prop::option::of(text()),
        status in 100u16..1000,
        part in part(),
    ) {
        let request = RequestHead {
            correlation_id: Some(id.clone()),
            caller: caller.map(CallerId::from),
            ..RequestHead::default()
        };
        let mut record = Envelope::default();
        ReplyWriter::new(&request).write(status, part, &mut record);

        let head = ReplyHead::parse(&record.headers).unwrap();
        prop_assert_eq!(head.correlation_id, id);
        prop_assert_eq!(head.caller, request.caller);
        let (seq, chunk, end) = match part {
            ReplyPart::Whole => (None, None, true),
            ReplyPart::Stream { seq, end } => (Some(seq), None, end),
            ReplyPart::Chunk { chunk, end } => (None, Some(chunk), end),
        };
        prop_assert_eq!((head.seq, head.chunk, head.end), (seq, chunk, end));
        let opens = seq.or(chunk).is_none_or(|at| at == 0);
        prop_assert_eq!(head.status, if opens || end { status } else { 200 });
    }

    #[test]
    fn hostile_headers_never_panic(headers in hostile()) {
        let head = match RequestHead::parse(&headers) {
            Ok(head) => head,
            Err((_, head)) => *head,
        };
        prop_assert!(head.attempt >= 1);
        if let Some(address) = &head.reply_to {
            prop_assert!(!address.topic.is_empty());
            prop_assert!(address.partition(1).is_none_or(|partition| partition >= 0));
        }
        if let Some(reply) = ReplyHead::parse(&headers) {
            prop_assert!((100..1000).contains(&reply.status));
        }
    }

    #[test]
    fn headers_keep_order_and_repeats(
        pairs in vec(("[a-c]", prop::option::of(vec(any::<u8>(), 0..4))), 0..20),
    ) {
        let mut headers = Headers::new();
        for (name, value) in &pairs {
            headers.push_value(name.as_str(), value.clone().map(Bytes::from));
        }
        let kept: Vec<_> = headers
            .iter()
            .map(|header| (header.name.to_string(), header.value.as_ref().map(|v| v.to_vec())))
            .collect();
        prop_assert_eq!(kept, pairs);
    }
}

fn parse(pairs: &[(&'static str, &'static [u8])]) -> Result<RequestHead, Malformed> {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.push(*name, Bytes::from_static(value));
    }
    RequestHead::parse(&headers).map_err(|(fault, _)| fault)
}

#[test]
fn a_repeated_reserved_header_is_refused_and_the_caller_still_known() {
    let mut headers = Headers::new();
    headers.push(names::REPLY_TOPIC, "a.replies");
    headers.push(names::REPLY_TOPIC, "b.replies");
    let (fault, head) = RequestHead::parse(&headers).unwrap_err();
    let name = names::REPLY_TOPIC;
    assert_eq!(fault, Malformed::Repeated { name });
    assert_eq!(head.reply_to, Some(ReplyAddress::new("a.replies", None)));
}

#[test]
fn of_a_repeated_header_that_is_not_reserved_the_last_counts() {
    let head = parse(&[
        (names::IDEMPOTENCY_KEY, b"first"),
        (names::IDEMPOTENCY_KEY, b"last"),
    ]);
    assert_eq!(head.unwrap().idempotency_key, Some("last".into()));
}

#[test]
fn text_between_json_quotes_is_read_without_them() {
    let head = parse(&[
        (names::METHOD, b"\"POST\""),
        (names::PATH, br#""/orders/\u0037?q=\"a\"""#),
        (names::DEADLINE, b"\"1795250773000\""),
    ])
    .unwrap();
    assert_eq!(head.method, Some("POST".into()));
    assert_eq!(head.path, Some("/orders/7?q=\"a\"".into()));
    let at = head.deadline.map(|deadline| deadline.at);
    assert_eq!(at, Some(UnixMillis(1_795_250_773_000)));
}

#[test]
fn a_number_with_a_sign_or_a_blank_is_refused() {
    for value in [&b"+5"[..], b"-5", b" 5", b"5 ", b"", b"0x5"] {
        let name = names::DEADLINE;
        let expected = "a decimal number in range";
        let fault = parse(&[(name, value)]).unwrap_err();
        assert_eq!(fault, Malformed::Invalid { name, expected }, "{value:?}");
    }
}

fn partition(value: &'static [u8]) -> Result<Option<ReplyPartition>, Malformed> {
    let head = parse(&[
        (names::REPLY_TOPIC, b"a.replies"),
        (names::REPLY_PARTITION, value),
    ])?;
    Ok(head.reply_to.and_then(|address| address.partition))
}

#[test]
fn a_reply_partition_is_four_bytes_or_decimal_text() {
    let number = |number| Ok(Some(ReplyPartition::Number(number)));
    assert_eq!(partition(b"\x00\x00\x00\x01"), number(1));
    assert_eq!(partition(b"0"), number(0));
    assert_eq!(partition(b"12345"), number(12_345));
}

#[test]
fn four_digits_are_an_integer_only_where_the_topic_has_so_many_partitions() {
    let four_digits = partition(b"0012").unwrap().unwrap();
    assert_eq!(four_digits.resolve(50), 12);
    assert_eq!(four_digits.resolve(i32::MAX), 0x3030_3132);
}

#[test]
fn a_negative_or_unreadable_reply_partition_is_refused() {
    let name = names::REPLY_PARTITION;
    let expected = "a partition number from 0";
    for value in [&b"\xff\xff\xff\xff"[..], b"-1", b"", b"abc", b"9999999999"] {
        let fault = Malformed::Invalid { name, expected };
        assert_eq!(partition(value), Err(fault), "{value:?}");
    }
}

#[test]
fn a_reply_without_a_status_as_a_spring_listener_sends_it_is_a_success_that_ends() {
    let mut headers = Headers::new();
    headers.push(names::CORRELATION_ID, "id");
    let head = ReplyHead::parse(&headers).unwrap();
    assert_eq!((head.status, head.end), (200, true));
}

#[test]
fn a_reply_with_a_status_that_is_none_answers_nobody() {
    for status in ["99", "1000", "OK", ""] {
        let mut headers = Headers::new();
        headers.push(names::CORRELATION_ID, "id");
        headers.push(names::STATUS, status);
        assert_eq!(ReplyHead::parse(&headers), None, "{status}");
    }
}
