//! What holds for every dialect.

use ipc_core::envelope::{
    CorrelationId, Dialect, Envelope, Headers, ReplyAddress, ReplyHead, ReplyPart, ReplyPartition,
    ReplyWriter, RequestHead, names,
};
use proptest::prelude::*;

use super::strategies::{hostile, request};

const ALL: [Dialect; 4] = [
    Dialect::Native,
    Dialect::NestJs,
    Dialect::FastStream,
    Dialect::SmallRye,
];

/// What the dialect can say of `head`.
fn within(dialect: Dialect, mut head: RequestHead) -> RequestHead {
    head.dialect = dialect;
    if matches!(dialect, Dialect::NestJs | Dialect::FastStream) {
        let as_text = |id: CorrelationId| bytes::Bytes::from(id.to_string()).into();
        head.correlation_id = head.correlation_id.map(as_text);
    }
    match dialect {
        Dialect::NestJs => head.accepts.stream = true,
        Dialect::FastStream => {
            head.reply_to = head.reply_to.map(|to| ReplyAddress::new(to.topic, None));
        }
        _ => {}
    }
    head
}

proptest! {
    #[test]
    fn every_request_head_is_read_as_it_was_written(head in request()) {
        for dialect in ALL {
            let head = within(dialect, head.clone());
            let mut headers = Headers::new();
            head.write(&mut headers);
            prop_assert_eq!(RequestHead::parse_as(dialect, &headers), Ok(head));
        }
    }

    #[test]
    fn the_native_dialect_needs_no_telling(head in request()) {
        let mut headers = Headers::new();
        head.write(&mut headers);
        prop_assert_eq!(RequestHead::parse(&headers), Ok(head));
    }

    #[test]
    fn the_dialect_of_a_call_is_found_out(partition in 0..10_000i32) {
        for dialect in ALL {
            let head = RequestHead {
                dialect,
                correlation_id: Some(dialect.correlation_id()),
                reply_to: Some(ReplyAddress::new("shop.replies", Some(partition))),
                ..RequestHead::default()
            };
            let mut headers = Headers::new();
            head.write(&mut headers);
            let read = RequestHead::parse(&headers).unwrap();
            prop_assert_eq!(read.dialect, dialect);
            prop_assert_eq!(read.correlation_id, head.correlation_id);
            let expected = (dialect != Dialect::FastStream).then_some(partition);
            prop_assert_eq!(read.reply_to.unwrap().partition(10_000), expected);
        }
    }

    #[test]
    fn the_caller_finds_its_request_in_every_reply(status in 100u16..1000, end in any::<bool>()) {
        for dialect in ALL {
            let request = RequestHead {
                dialect,
                correlation_id: Some(dialect.correlation_id()),
                ..RequestHead::default()
            };
            let part = ReplyPart::Stream { seq: 0, end };
            let mut record = Envelope::default();
            ReplyWriter::new(&request).write(status, part, &mut record);
            let found = ReplyHead::parse(&record.headers).unwrap();
            prop_assert_eq!(Some(&found.correlation_id), request.correlation_id.as_ref());
            let received = ReplyHead::receive(dialect, &mut record).unwrap();
            prop_assert_eq!(Some(received.correlation_id), request.correlation_id);
            prop_assert_eq!(received.status, status);
        }
    }

    #[test]
    fn hostile_headers_never_panic(headers in hostile()) {
        let heads = ALL.map(|dialect| RequestHead::parse_as(dialect, &headers));
        for head in heads.into_iter().chain([RequestHead::parse(&headers)]) {
            let head = head.unwrap_or_else(|(_, head)| *head);
            prop_assert!(head.attempt >= 1);
            if let Some(to) = &head.reply_to {
                prop_assert!(!to.topic.is_empty());
                prop_assert!(to.partition(1).is_none_or(|partition| partition >= 0));
            }
            for part in [ReplyPart::Whole, ReplyPart::Chunk { chunk: 7, end: false }] {
                let mut record = Envelope { headers: headers.clone(), ..Envelope::default() };
                ReplyWriter::new(&head).write(500, part, &mut record);
            }
        }
        if let Some(reply) = ReplyHead::parse(&headers) {
            prop_assert!((100..1000).contains(&reply.status));
        }
        for dialect in ALL {
            let mut record = Envelope { headers: headers.clone(), ..Envelope::default() };
            let _ = ReplyHead::receive(dialect, &mut record);
        }
    }
}

#[test]
fn springs_names_count_where_several_families_stand_in_one_request() {
    let mut headers = Headers::new();
    headers.push(names::FASTSTREAM_CORRELATION_ID, "one");
    headers.push(names::FASTSTREAM_CORRELATION_ID, "two");
    headers.push(names::FASTSTREAM_REPLY_TO, "elsewhere");
    headers.push(names::SMALLRYE_REPLY_TOPIC, "elsewhere");
    headers.push(names::CORRELATION_ID, "id");
    headers.push(names::REPLY_TOPIC, "shop.replies");
    let head = RequestHead::parse(&headers).unwrap();
    assert_eq!(head.dialect, Dialect::Native);
    assert_eq!(head.reply_to, Some(ReplyAddress::new("shop.replies", None)));
}

#[test]
fn springs_id_counts_where_a_reply_has_several() {
    let mut headers = Headers::new();
    headers.push(names::FASTSTREAM_CORRELATION_ID, "faststream");
    headers.push(names::SMALLRYE_CORRELATION_ID, "smallrye");
    headers.push(names::CORRELATION_ID, "kafka");
    let record = Envelope {
        headers,
        ..Envelope::default()
    };
    let id = |head: Option<ReplyHead>| head.unwrap().correlation_id.to_string();
    assert_eq!(id(ReplyHead::parse(&record.headers)), "kafka");
    for (dialect, expected) in [
        (Dialect::Native, "kafka"),
        (Dialect::NestJs, "kafka"),
        (Dialect::SmallRye, "smallrye"),
        (Dialect::FastStream, "faststream"),
    ] {
        assert_eq!(
            id(ReplyHead::receive(dialect, &mut record.clone())),
            expected
        );
    }
}

#[test]
fn a_caller_that_names_itself_is_native_however_it_spells_its_partition() {
    let mut headers = Headers::new();
    headers.push(names::REPLY_TOPIC, "shop.replies");
    headers.push(names::REPLY_PARTITION, "12");
    headers.push(names::CALLER, "shop/1");
    let head = RequestHead::parse(&headers).unwrap();
    assert_eq!(head.dialect, Dialect::Native);
    let partition = head.reply_to.unwrap().partition;
    assert_eq!(partition, Some(ReplyPartition::Number(12)));
}

#[test]
fn a_repeated_reply_address_is_refused_in_every_family() {
    for name in [
        names::REPLY_TOPIC,
        names::SMALLRYE_REPLY_TOPIC,
        names::FASTSTREAM_REPLY_TO,
    ] {
        let mut headers = Headers::new();
        headers.push(name, "shop.replies");
        headers.push(name, "other.replies");
        let (fault, head) = RequestHead::parse(&headers).unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("header {name} is repeated: send it once")
        );
        assert_eq!(head.reply_to, Some(ReplyAddress::new("shop.replies", None)));
    }
}

#[test]
fn a_dialect_has_one_name_in_configuration() {
    for dialect in ALL {
        assert_eq!(dialect.to_string().parse(), Ok(dialect));
    }
    let unknown = "spring".parse::<Dialect>().unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "dialect \"spring\" is unknown: use native, nestjs, faststream or smallrye"
    );
}
