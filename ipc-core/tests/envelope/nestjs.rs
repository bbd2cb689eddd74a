//! Records of NestJS's Kafka transporter.

use bytes::Bytes;
use ipc_core::envelope::{
    CorrelationId, Dialect, Envelope, Headers, ReplyAddress, ReplyHead, ReplyPart, ReplyPartition,
    ReplyWriter, RequestHead, names,
};

use super::dump::{self, Case};

fn cases() -> Vec<Case> {
    let cases = dump::parse(include_str!("../golden/nestjs.txt"));
    assert_eq!(cases.len(), 17);
    cases
}

/// The cases that a `@MessagePattern` handler answered.
fn calls() -> Vec<(Case, RequestHead)> {
    let calls: Vec<_> = cases()
        .into_iter()
        .filter(|case| !case.replies().is_empty())
        .map(|case| {
            let head = RequestHead::parse(&case.request().unwrap().headers).unwrap();
            (case, head)
        })
        .collect();
    assert_eq!(calls.len(), 15);
    calls
}

fn call(number: usize) -> (Case, RequestHead) {
    calls().swap_remove(number - 1)
}

fn is_kafka(name: &str) -> bool {
    name.starts_with("kafka_")
}

fn written(head: &RequestHead, status: u16, part: ReplyPart, body: &str) -> Envelope {
    let mut record = Envelope {
        payload: Some(Bytes::copy_from_slice(body.as_bytes())),
        ..Envelope::default()
    };
    ReplyWriter::new(head).write(status, part, &mut record);
    record
}

fn assert_answers_like(theirs: &Envelope, ours: &Envelope) {
    assert_eq!(
        dump::only(&ours.headers, is_kafka),
        dump::only(&theirs.headers, is_kafka)
    );
    assert_eq!(ours.payload, theirs.payload);
}

#[test]
fn every_nestjs_call_is_detected_by_its_partition_in_text() {
    for (case, head) in calls() {
        assert_eq!(head.dialect, Dialect::NestJs, "{}", case.title);
        assert_eq!(head.reply_to.unwrap().partition(1), Some(0));
        assert_eq!(head.correlation_id.unwrap().as_bytes().len(), 21);
        assert!(head.accepts.stream && !head.accepts.chunks);
    }
}

#[test]
fn an_event_carries_no_header_of_the_framework_and_is_a_one_way() {
    for case in cases().iter().filter(|case| case.title.contains("emit()")) {
        let head = RequestHead::parse(&case.request().unwrap().headers).unwrap();
        assert_eq!(head.dialect, Dialect::Native, "{}", case.title);
        assert!(!head.is_call());
    }
}

#[test]
fn a_partition_of_four_digits_is_text_from_nestjs_however_large_the_topic() {
    let mut headers = Headers::new();
    headers.push(names::REPLY_TOPIC, "orders.reply");
    headers.push(names::REPLY_PARTITION, "1024");
    let partition = |head: RequestHead| head.reply_to.unwrap().partition.unwrap();

    let certain = RequestHead::parse_as(Dialect::NestJs, &headers).unwrap();
    assert_eq!(partition(certain), ReplyPartition::Number(1024));
    let guessed = RequestHead::parse(&headers).unwrap();
    assert_eq!(guessed.dialect, Dialect::NestJs);
    assert_eq!(partition(guessed).resolve(2000), 1024);
}

#[test]
fn four_digits_are_an_integer_where_the_endpoint_says_native() {
    let mut headers = Headers::new();
    headers.push(names::REPLY_TOPIC, "orders.reply");
    headers.push(names::REPLY_PARTITION, "1024");
    let head = RequestHead::parse_as(Dialect::Native, &headers).unwrap();
    assert_eq!(
        head.reply_to.unwrap().partition,
        Some(ReplyPartition::Number(0x3130_3234))
    );
}

#[test]
fn a_raw_partition_is_refused_where_the_endpoint_says_nestjs() {
    let mut headers = Headers::new();
    headers.push(names::REPLY_TOPIC, "orders.reply");
    headers.push(names::REPLY_PARTITION, Bytes::from_static(b"\0\0\0\x01"));
    assert!(RequestHead::parse_as(Dialect::NestJs, &headers).is_err());
}

#[test]
fn a_reply_is_marked_as_the_last() {
    let (case, head) = call(1);
    let ours = written(&head, 200, ReplyPart::Whole, r#"{"name":"ANN"}"#);
    assert_answers_like(case.replies()[0], &ours);
}

#[test]
fn a_reply_without_a_body_has_a_null_value() {
    let (case, head) = call(4);
    let ours = written(&head, 204, ReplyPart::Whole, "");
    assert_answers_like(case.replies()[0], &ours);
}

#[test]
fn an_error_is_a_header_and_a_null_value() {
    let (case, head) = call(9);
    let body = r#"{"code":"OUT_OF_STOCK","message":"asked to fail"}"#;
    let ours = written(&head, 409, ReplyPart::Whole, body);
    assert_answers_like(case.replies()[0], &ours);
}

#[test]
fn an_error_that_is_not_json_becomes_the_object_nestjs_makes_of_a_message() {
    let (_, head) = call(8);
    let ours = written(&head, 500, ReplyPart::Whole, "asked to \"fail\"");
    let error = ours.headers.get(names::NEST_ERR).unwrap();
    let error: serde_json::Value = serde_json::from_slice(error).unwrap();
    let expected = serde_json::json!({ "status": "error", "message": "asked to \"fail\"" });
    assert_eq!((error, ours.payload), (expected, None));
}

#[test]
fn an_error_without_a_body_still_says_its_status() {
    let (_, head) = call(7);
    let ours = written(&head, 503, ReplyPart::Whole, "");
    let error = ours.headers.get_str(names::NEST_ERR).unwrap();
    assert!(error.contains("503"), "{error}");
}

#[test]
fn only_the_last_record_of_a_stream_is_marked() {
    let (case, head) = call(15);
    let bodies = [r#"{"n":1}"#, r#"{"n":2}"#, ""];
    assert_eq!(case.replies().len(), bodies.len());
    for (seq, (theirs, body)) in (0..).zip(case.replies().into_iter().zip(bodies)) {
        let end = seq == 2;
        let ours = written(&head, 200, ReplyPart::Stream { seq, end }, body);
        assert_answers_like(theirs, &ours);
    }
}

#[test]
fn a_stream_that_fails_ends_with_the_error() {
    let (case, head) = call(12);
    let last = *case.replies().last().unwrap();
    let body = r#"{"status":"error","message":"failed at the end"}"#;
    let ours = written(&head, 500, ReplyPart::Stream { seq: 2, end: true }, body);
    assert_answers_like(last, &ours);
}

#[test]
fn of_several_replies_only_the_marked_one_is_the_last() {
    for (case, head) in calls() {
        let mut ends = Vec::new();
        for reply in case.replies() {
            let read = ReplyHead::receive(Dialect::NestJs, &mut reply.clone()).unwrap();
            assert_eq!(Some(read.correlation_id), head.correlation_id);
            ends.push(read.end);
        }
        let last = ends.pop();
        assert_eq!(last, Some(true), "{}", case.title);
        assert!(!ends.contains(&true), "{}", case.title);
    }
}

#[test]
fn an_error_reply_is_received_as_a_failure_with_a_body() {
    for number in [7, 8, 9] {
        let (case, _) = call(number);
        let mut reply = case.replies()[0].clone();
        let error = reply.headers.get(names::NEST_ERR).cloned();
        assert_eq!(ReplyHead::parse(&reply.headers).unwrap().status, 500);
        let head = ReplyHead::receive(Dialect::NestJs, &mut reply).unwrap();
        assert_eq!((head.status, head.end), (500, true));
        assert_eq!(reply.payload, error);
        assert_eq!(
            reply.headers.get_str(names::CONTENT_TYPE),
            Some("application/json")
        );
    }
}

#[test]
fn our_requests_are_spelled_as_nestjs_spells_its_own() {
    for (case, theirs) in calls() {
        let ours = RequestHead {
            dialect: Dialect::NestJs,
            correlation_id: theirs.correlation_id,
            reply_to: theirs
                .reply_to
                .map(|to| ReplyAddress::new(to.topic.clone(), to.partition(1))),
            ..RequestHead::default()
        };
        let mut headers = Headers::new();
        ours.write(&mut headers);
        let sent = &case.request().unwrap().headers;
        let expected = dump::only(sent, is_kafka);
        assert_eq!(dump::only(&headers, is_kafka), expected, "{}", case.title);
    }
}

#[test]
fn no_raw_correlation_id_is_sent_to_nestjs() {
    assert!(Dialect::NestJs.correlation_id().is_text());
    let raw = CorrelationId::random();
    let head = RequestHead {
        dialect: Dialect::NestJs,
        correlation_id: Some(raw.clone()),
        ..RequestHead::default()
    };
    let mut headers = Headers::new();
    head.write(&mut headers);
    let sent = headers.get_str(names::CORRELATION_ID);
    assert_eq!(sent, Some(&*raw.to_string()));
}
