//! Single headers and what becomes of them.

use bytes::Bytes;
use bytestring::ByteString;
use ipc_core::envelope::{
    CallerId, Envelope, Headers, Malformed, ReplyAddress, ReplyHead, ReplyPart, ReplyPartition,
    ReplyWriter, RequestHead, UnixMillis, names,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::strategies::{correlation_id, text};

fn part() -> impl Strategy<Value = ReplyPart> {
    prop_oneof![
        Just(ReplyPart::Whole),
        any::<(u32, bool)>().prop_map(|(seq, end)| ReplyPart::Stream { seq, end }),
        any::<(u32, bool)>().prop_map(|(chunk, end)| ReplyPart::Chunk { chunk, end }),
    ]
}

proptest! {
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
fn every_header_of_the_protocol_may_stand_once() {
    for name in [
        names::CORRELATION_ID,
        names::REPLY_TOPIC,
        names::REPLY_PARTITION,
        names::METHOD,
        names::PATH,
        names::AUTHORITY,
        names::SCHEME,
        names::DEADLINE,
        names::BUDGET,
        names::CALLER,
        names::ATTEMPT,
        names::ACCEPT,
        names::CHUNK,
        names::END,
        names::CHAIN,
        names::PEER,
    ] {
        assert!(parse(&[(name, b"1")]).is_ok(), "{name}");
        let twice = parse(&[(name, b"1"), (name, b"1")]);
        assert_eq!(twice, Err(Malformed::Repeated { name }));
    }
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
    assert_eq!(four_digits.resolve(0x3030_3132), 12);
    assert_eq!(four_digits.resolve(0x3030_3133), 0x3030_3132);
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
fn a_reply_whose_text_stands_between_json_quotes_is_read_without_them() {
    let mut headers = Headers::new();
    headers.push(names::CORRELATION_ID, "id");
    headers.push(names::CALLER, "\"shop/1\"");
    headers.push(names::STATUS, "\"404\"");
    let head = ReplyHead::parse(&headers).unwrap();
    assert_eq!(
        head.caller,
        Some(CallerId::from(ByteString::from("shop/1")))
    );
    assert_eq!(head.status, 404);
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
