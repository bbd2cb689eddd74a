//! Records of FastStream.

use bytes::Bytes;
use ipc_core::envelope::{
    Dialect, Envelope, Headers, ReplyAddress, ReplyHead, ReplyPart, ReplyWriter, RequestHead, names,
};

use super::dump::{self, Case};

fn cases() -> Vec<Case> {
    let cases = dump::parse(include_str!("../golden/faststream.txt"));
    assert_eq!(cases.len(), 14);
    cases
}

fn requests() -> Vec<(Case, RequestHead)> {
    let requests: Vec<_> = cases()
        .into_iter()
        .filter(|case| case.request().is_some())
        .map(|case| {
            let head = RequestHead::parse(&case.request().unwrap().headers).unwrap();
            (case, head)
        })
        .collect();
    assert_eq!(requests.len(), 13);
    requests
}

fn is_address(name: &str) -> bool {
    [names::FASTSTREAM_CORRELATION_ID, names::FASTSTREAM_REPLY_TO].contains(&name)
}

#[test]
fn every_faststream_request_is_detected_and_names_no_partition() {
    for (case, head) in requests() {
        assert_eq!(head.dialect, Dialect::FastStream, "{}", case.title);
        assert_eq!(head.correlation_id.unwrap().as_bytes().len(), 36);
        let event = case.title.contains("an event");
        assert_eq!(head.reply_to.is_none(), event, "{}", case.title);
        assert!(head.reply_to.is_none_or(|to| to.partition.is_none()));
    }
}

#[test]
fn every_faststream_reply_is_read() {
    let mut read = 0;
    for (case, head) in requests() {
        for reply in case.replies() {
            let whole = ReplyHead::parse(&reply.headers).unwrap();
            let received = ReplyHead::receive(Dialect::FastStream, &mut reply.clone());
            assert_eq!(Some(&whole), received.as_ref());
            assert_eq!(Some(whole.correlation_id), head.correlation_id);
            assert_eq!((whole.status, whole.end), (200, true), "{}", case.title);
            read += 1;
        }
    }
    assert_eq!(read, 14);
}

fn answer(headers: Headers) -> Envelope {
    let (_, head) = requests().swap_remove(0);
    let mut record = Envelope {
        headers,
        ..Envelope::default()
    };
    ReplyWriter::new(&head).write(200, ReplyPart::Whole, &mut record);
    record
}

#[test]
fn a_reply_echoes_the_id_under_its_name_and_keeps_the_content_type() {
    let mut headers = Headers::new();
    headers.push(names::CONTENT_TYPE, "application/json");
    let ours = answer(headers);
    let (case, _) = requests().swap_remove(0);
    let theirs = case.replies()[0];
    let own = |name: &str| is_address(name) || name == names::CONTENT_TYPE;
    assert_eq!(
        dump::only(&ours.headers, own),
        dump::only(&theirs.headers, own)
    );
}

#[test]
fn a_reply_that_says_no_content_type_has_an_empty_one() {
    let ours = answer(Headers::new());
    assert_eq!(ours.headers.get_str(names::CONTENT_TYPE), Some(""));
}

#[test]
fn every_header_of_a_reply_is_text_and_none_is_lost() {
    let mut headers = Headers::new();
    headers.push("x-name", Bytes::from_static(b"J\xfcrgen"));
    headers.push("x-text", "Jürgen");
    headers.push_value("x-null", None);
    let ours = answer(headers);
    assert_eq!(ours.headers.get_str("x-name"), Some("Jürgen"));
    assert_eq!(ours.headers.get_str("x-text"), Some("Jürgen"));
    assert_eq!(ours.headers.get_str("x-null"), Some(""));
}

#[test]
fn every_header_of_a_request_is_text_and_no_partition_is_sent() {
    let mut headers = Headers::new();
    headers.push("x-name", Bytes::from_static(b"J\xfcrgen"));
    let head = RequestHead {
        dialect: Dialect::FastStream,
        correlation_id: Some(ipc_core::envelope::CorrelationId::random()),
        reply_to: Some(ReplyAddress::new("shop.replies", Some(3))),
        ..RequestHead::default()
    };
    head.write(&mut headers);
    for header in &headers {
        let value = header.value.as_deref().unwrap();
        assert!(std::str::from_utf8(value).is_ok(), "{}", header.name);
    }
    let written: Vec<_> = headers.iter().map(|header| &*header.name).collect();
    assert_eq!(
        written,
        [
            "x-name",
            names::FASTSTREAM_CORRELATION_ID,
            names::FASTSTREAM_REPLY_TO
        ]
    );
}

#[test]
fn our_requests_are_spelled_as_faststream_spells_its_own() {
    assert!(Dialect::FastStream.correlation_id().is_text());
    for (case, head) in requests() {
        let ours = RequestHead {
            dialect: Dialect::FastStream,
            correlation_id: head.correlation_id,
            reply_to: head.reply_to,
            ..RequestHead::default()
        };
        let mut headers = Headers::new();
        ours.write(&mut headers);
        let expected = dump::only(&case.request().unwrap().headers, is_address);
        assert_eq!(dump::only(&headers, is_address), expected);
    }
}
