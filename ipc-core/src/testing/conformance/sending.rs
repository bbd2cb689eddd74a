//! What becomes of a record that is sent.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::FutureExt as _;

use super::case::{Case, envelope, keyed, partition, to};
use crate::envelope::Headers;
use crate::transport::{Outgoing, Placed, Receipt, SendError, Start, Timestamp, TopicSpec};

pub(super) async fn receipts_tell_partition_and_offset(case: Case) {
    let topic = case.topic(3).await;
    for (number, offset) in [(2, 0), (2, 1), (0, 0), (2, 2)] {
        let placed = case.placed(to(&partition(&topic, number), "x")).await;
        let expected = Placed {
            partition: number,
            offset,
        };
        assert_eq!(placed, expected);
    }
}

pub(super) async fn headers_keep_order_repeats_and_nulls(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    let mut headers = Headers::new();
    headers.push("set-cookie", "a=1");
    headers.push_value(ByteString::from("nothing"), None);
    headers.push("Accept", "");
    headers.push("set-cookie", "b=2");
    headers.push("binary", Bytes::from_static(&[0, 0xff, 0x80, 10]));
    headers.push("größe", "ü");
    headers.push_value(ByteString::from("nothing"), None);
    let mut record = to(&from, "x");
    record.envelope.headers = headers.clone();
    case.placed(record).await;
    case.send_to(&from, &["without headers"]).await;

    let reader = case.read(&from, Start::Beginning).await;
    reader
        .until("both came", |seen| seen.records.len() == 2)
        .await;
    reader.seen(|seen| {
        let listed: Vec<_> = seen.records[0].envelope.headers.iter().collect();
        assert!(listed.into_iter().eq(headers.iter()));
        assert!(seen.records[0].intact);
        assert!(seen.records[1].envelope.headers.is_empty());
    });
}

pub(super) async fn null_and_empty_keys_and_payloads_differ(case: Case) {
    let topic = case.topic(1).await;
    let sent = [
        envelope(None, None),
        envelope(Some(b""), None),
        envelope(None, Some(b"")),
        envelope(Some(b""), Some(b"")),
        envelope(Some(b"k"), Some(b"\0\xff")),
    ];
    for envelope in &sent {
        let record = Outgoing {
            topic: topic.clone(),
            partition: Some(0),
            envelope: envelope.clone(),
        };
        case.placed(record).await;
    }
    let reader = case.read(&partition(&topic, 0), Start::Beginning).await;
    reader
        .until("all came", |seen| seen.records.len() == sent.len())
        .await;
    reader.seen(|seen| {
        let received = seen.records.iter().map(|record| &record.envelope);
        assert!(received.eq(&sent), "{:?}", seen.records);
    });
}

pub(super) async fn records_carry_their_creation_time(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    let before = case.transport.now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    case.send_to(&from, &["x"]).await;
    let after = case.transport.now();
    let reader = case.read(&from, Start::Beginning).await;
    reader
        .until("it came", |seen| seen.records.len() == 1)
        .await;
    let timestamp = reader.seen(|seen| seen.records[0].origin.timestamp);
    let Timestamp::Created(created) = timestamp else {
        panic!("not a creation time: {timestamp:?}");
    };
    assert!(
        before < created && created <= after,
        "{before:?} {created:?} {after:?}"
    );
}

pub(super) async fn a_record_close_to_the_limit_arrives_whole(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    let text: String = (0..900_000_u32)
        .map(|i| char::from(b'a' + (i % 23) as u8))
        .collect();
    case.send_to(&from, &[&text]).await;
    let reader = case.read(&from, Start::Beginning).await;
    reader
        .until("it came", |seen| seen.payloads() == [&*text])
        .await;
}

pub(super) async fn a_record_over_the_limit_is_refused(case: Case) {
    let spec = TopicSpec::new(case.name("topic"), 1).with("max.message.bytes", 10_000);
    let topic = case.topic_like(spec).await;
    let from = partition(&topic, 0);
    let error = case.refusal(to(&from, &"x".repeat(20_000))).await;
    assert!(matches!(error, SendError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains(&*topic), "{error}");
    let placed = case.placed(to(&from, "small enough")).await;
    assert_eq!(placed.offset, 0, "nothing of the refused record is left");
}

pub(super) async fn a_missing_partition_is_refused_and_named(case: Case) {
    let topic = case.topic(2).await;
    let error = case.refusal(to(&partition(&topic, 2), "x")).await;
    assert!(error.is_known_unsent(), "{error}");
    assert!(error.to_string().contains(&*topic), "{error}");
}

pub(super) async fn a_missing_topic_is_refused_and_named(case: Case) {
    let topic = case.name("never.made");
    let error = case.refusal(keyed(&topic, b"k", "x")).await;
    assert!(error.is_known_unsent(), "{error}");
    assert!(error.to_string().contains(&*topic), "{error}");
}

pub(super) async fn flush_settles_everything_sent(case: Case) {
    let topic = case.topic(4).await;
    let send = |i: u32| case.send(keyed(&topic, &i.to_be_bytes(), "x"));
    let receipts: Vec<Receipt> = (0..500).map(send).collect();
    case.transport.flush(Duration::from_secs(20)).await.unwrap();
    for receipt in receipts {
        // Tokio would make a task yield that is never kept waiting.
        let settled = tokio::task::unconstrained(receipt).now_or_never();
        assert!(matches!(settled, Some(Ok(_))), "{settled:?}");
    }
}
