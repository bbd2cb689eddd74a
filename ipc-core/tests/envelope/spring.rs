//! Records of Spring's `ReplyingKafkaTemplate` and `@SendTo`.

use bytes::Bytes;
use ipc_core::envelope::{
    Dialect, Envelope, Headers, ReplyAddress, ReplyHead, ReplyPart, ReplyWriter, RequestHead, names,
};

use super::dump::{self, Case};

fn cases() -> Vec<Case> {
    let cases = dump::parse(include_str!("../golden/spring.txt"));
    assert_eq!(cases.len(), 7);
    cases
}

fn head(case: &Case) -> RequestHead {
    let request = case.request().unwrap();
    RequestHead::parse(&request.headers).unwrap()
}

#[test]
fn every_spring_request_is_read_as_a_native_call() {
    for case in cases() {
        let head = head(&case);
        assert_eq!(head.dialect, Dialect::Native, "{}", case.title);
        assert_eq!(head.method.as_deref(), Some("POST"));
        assert_eq!(head.path.as_deref(), Some("/orders/7"));
        assert!(head.is_call());
        assert_eq!(head.attempt, 1);
        assert!(!head.accepts.chunks && !head.accepts.stream);
    }
}

#[test]
fn a_reply_partition_is_known_only_from_a_caller_with_an_assigned_one() {
    let partitions: Vec<_> = cases()
        .iter()
        .map(|case| head(case).reply_to.unwrap().partition(3))
        .collect();
    let (none, zero, one) = (None, Some(0), Some(1));
    assert_eq!(partitions, [none, one, zero, zero, zero, zero, zero]);
}

#[test]
fn ids_of_16_bytes_and_of_36_characters_are_echoed_byte_for_byte() {
    for (number, case) in (1..).zip(cases()) {
        let head = head(&case);
        let sent = head.correlation_id.clone().unwrap();
        let length = if number == 5 { 36 } else { 16 };
        assert_eq!(sent.as_bytes().len(), length, "{}", case.title);

        let mut ours = Envelope::default();
        ReplyWriter::new(&head).write(200, ReplyPart::Whole, &mut ours);
        for reply in [&ours, case.replies()[0]] {
            let echoed = reply.headers.get(names::CORRELATION_ID);
            assert_eq!(echoed, Some(sent.as_bytes()), "{}", case.title);
        }
    }
}

#[test]
fn every_spring_reply_is_read_as_a_whole_success() {
    for case in cases() {
        let [reply] = case.replies()[..] else {
            panic!("{} has one reply", case.title);
        };
        let read = ReplyHead::parse(&reply.headers).unwrap();
        assert_eq!(Some(read.correlation_id), head(&case).correlation_id);
        assert_eq!((read.status, read.end), (200, true), "{}", case.title);
    }
}

/// What Spring's listener looks at must be spelled as Spring's template spells it.
#[test]
fn our_requests_address_a_reply_as_spring_does() {
    let address = |name: &str| {
        [
            names::CORRELATION_ID,
            names::REPLY_TOPIC,
            names::REPLY_PARTITION,
        ]
        .contains(&name)
    };
    for case in cases() {
        let sent = &case.request().unwrap().headers;
        let theirs = head(&case);
        let to = theirs.reply_to.unwrap();
        let ours = RequestHead {
            correlation_id: theirs.correlation_id,
            reply_to: Some(ReplyAddress::new(to.topic.clone(), to.partition(3))),
            ..RequestHead::default()
        };
        let mut headers = Headers::new();
        ours.write(&mut headers);
        let mut written = dump::only(&headers, address);
        let mut expected = dump::only(sent, address);
        written.sort();
        expected.sort();
        assert_eq!(written, expected, "{}", case.title);
    }
}

#[test]
fn a_dead_letter_names_its_origin_in_springs_own_types() {
    let cases = dump::parse(include_str!("../golden/spring-dead-letter.txt"));
    assert_eq!(cases.len(), 3);
    for case in cases {
        let [dead] = case.section("") else {
            panic!("{} has one record", case.title);
        };
        let headers = &dead.envelope.headers;
        for (name, length) in [
            (names::DLT_ORIGINAL_PARTITION, 4),
            (names::DLT_ORIGINAL_OFFSET, 8),
            (names::DLT_ORIGINAL_TIMESTAMP, 8),
        ] {
            assert_eq!(headers.get(name).map(Bytes::len), Some(length), "{name}");
        }
        for name in [
            names::DLT_ORIGINAL_TOPIC,
            names::DLT_ORIGINAL_TIMESTAMP_TYPE,
            names::DLT_ORIGINAL_GROUP,
            names::DLT_EXCEPTION_FQCN,
            names::DLT_EXCEPTION_MESSAGE,
        ] {
            assert!(headers.get_str(name).is_some(), "{name}");
        }
    }
}
