//! What is stored.

use std::time::Duration;

use bytes::Bytes;

use super::case::{Case, claim, done, finish, granted, reply};
use crate::store::{Claim, Effects, StoredBody, StoredReply};

pub(super) async fn a_reply_comes_back_byte_for_byte_to_every_instance(case: Case) {
    let headers = vec![
        (
            "content-type".into(),
            Bytes::from_static(b"application/json"),
        ),
        ("set-cookie".into(), Bytes::from_static(b"a=1")),
        ("set-cookie".into(), Bytes::from_static(b"b=2")),
        ("x-raw".into(), Bytes::from_static(b"\xff\x00\x80")),
    ];
    // What fits one record of a log, too.
    let mut large = vec![0_u8; 700 * 1024];
    for (at, byte) in large.iter_mut().enumerate() {
        *byte = at.to_be_bytes()[7];
    }
    for (key, body) in [
        ("json", Bytes::from_static(br#"{"placed":7}"#)),
        ("binary", Bytes::from_static(b"\x00\xff\r\n")),
        ("large", large.into()),
    ] {
        let reply = StoredReply::new(201, headers.clone(), body);
        finish(&case.one, &case.request(key), &reply).await;
        for store in [&case.one, &case.other] {
            assert!(done(store, &case.request(key)).await == reply, "{key}");
        }
    }
}

pub(super) async fn a_reply_without_a_body_and_one_that_is_not_kept_differ(case: Case) {
    let empty = StoredReply::new(204, Vec::new(), Bytes::new());
    finish(&case.one, &case.request("empty"), &empty).await;
    let large = StoredReply::too_large(200, Some(7_000_000_000));
    finish(&case.one, &case.request("large"), &large).await;
    assert_eq!(done(&case.other, &case.request("empty")).await, empty);
    assert_eq!(done(&case.other, &case.request("large")).await, large);
}

pub(super) async fn the_replies_of_a_stream_come_back_as_they_were(case: Case) {
    let mut stream = StoredReply::new(200, Vec::new(), Bytes::new());
    for replies in [&["one", "two", ""][..], &[]] {
        let key = if replies.is_empty() { "none" } else { "some" };
        let replies = replies.iter().map(|it| Bytes::from_static(it.as_bytes()));
        stream.body = StoredBody::Stream(replies.collect());
        finish(&case.one, &case.request(key), &stream).await;
        assert_eq!(done(&case.other, &case.request(key)).await, stream);
    }
}

pub(super) async fn a_reply_to_a_request_that_was_refused_is_stored_too(case: Case) {
    let request = case.request("k");
    let refusal = StoredReply::new(409, Vec::new(), "sold out");
    let held = granted(&case.one, &request).await;
    let finished = held.finish(&refusal, Effects::Undo).await;
    finished.expect("the refusal is stored");
    assert_eq!(done(&case.other, &request).await, refusal);
}

pub(super) async fn a_reply_has_its_time(case: Case) {
    let mut request = case.request("k");
    request.keep = Duration::from_secs(1);
    finish(&case.one, &request, &reply("for a second")).await;
    assert_eq!(done(&case.other, &request).await, reply("for a second"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    granted(&case.other, &request).await.release().await;
}

pub(super) async fn a_claim_that_ended_is_no_claim_any_more(case: Case) {
    let request = case.request("k");
    granted(&case.one, &request).await.release().await;
    finish(&case.one, &request, &reply("first")).await;
    let again = claim(&case.one, &request).await;
    assert!(matches!(again, Claim::Done(_)), "{again:?}");
}
