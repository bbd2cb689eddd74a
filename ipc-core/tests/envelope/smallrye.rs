//! Records of SmallRye Reactive Messaging.

use ipc_core::envelope::{
    Dialect, Envelope, Headers, ReplyAddress, ReplyHead, ReplyPart, ReplyPartition, ReplyWriter,
    RequestHead, names,
};

use super::dump::{self, Case};

fn cases() -> Vec<Case> {
    let cases = dump::parse(include_str!("../golden/smallrye.txt"));
    assert_eq!(cases.len(), 13);
    cases
}

fn requests() -> Vec<(Case, RequestHead)> {
    cases()
        .into_iter()
        .map(|case| {
            let head = RequestHead::parse(&case.request().unwrap().headers).unwrap();
            (case, head)
        })
        .collect()
}

fn is_reply_name(name: &str) -> bool {
    name.starts_with("REPLY_")
}

#[test]
fn every_smallrye_request_is_detected() {
    for (number, (case, head)) in (1..).zip(requests()) {
        // Its headers were renamed: there is nothing to know it by.
        let renamed = number == 4;
        let dialect = if renamed {
            Dialect::Native
        } else {
            Dialect::SmallRye
        };
        assert_eq!(head.dialect, dialect, "{}", case.title);
        assert_eq!(head.is_call(), !renamed);
        if let Some(to) = head.reply_to {
            let partition = if number == 2 { Some(1) } else { None };
            assert_eq!(to.partition(2), partition, "{}", case.title);
        }
    }
}

#[test]
fn four_digits_in_its_own_header_are_an_integer() {
    let mut headers = Headers::new();
    headers.push(names::SMALLRYE_REPLY_TOPIC, "orders-replies");
    headers.push(names::SMALLRYE_REPLY_PARTITION, "1024");
    let head = RequestHead::parse(&headers).unwrap();
    assert_eq!(
        head.reply_to.unwrap().partition,
        Some(ReplyPartition::Number(0x3130_3234))
    );
}

#[test]
fn ids_of_36_characters_and_of_12_bytes_are_echoed_and_the_reply_topic_never_is() {
    for (case, head) in requests().into_iter().filter(|(_, head)| head.is_call()) {
        let mut ours = Envelope {
            // A handler that copies the request's headers.
            headers: case.request().unwrap().headers.clone(),
            ..Envelope::default()
        };
        ours.headers.remove(names::SMALLRYE_CORRELATION_ID);
        ReplyWriter::new(&head).write(200, ReplyPart::Whole, &mut ours);
        let id = head.correlation_id.unwrap().as_bytes().clone();
        let expected = vec![(names::SMALLRYE_CORRELATION_ID.to_owned(), Some(id))];
        assert_eq!(dump::only(&ours.headers, is_reply_name), expected);
        if let Some(theirs) = case.replies().first() {
            let theirs = dump::only(&theirs.headers, |name| {
                is_reply_name(name) && name != "REPLY_ERROR"
            });
            assert_eq!(theirs, expected, "{}", case.title);
        }
    }
}

#[test]
fn every_smallrye_reply_is_read_and_none_is_marked() {
    let mut read = 0;
    for (case, head) in requests() {
        for reply in case.replies() {
            let whole = ReplyHead::parse(&reply.headers).unwrap();
            let received = ReplyHead::receive(Dialect::SmallRye, &mut reply.clone());
            assert_eq!(Some(&whole), received.as_ref());
            assert_eq!(Some(whole.correlation_id), head.correlation_id);
            // Errors too: what marks one is each application's own agreement.
            assert_eq!((whole.status, whole.end), (200, true), "{}", case.title);
            read += 1;
        }
    }
    assert_eq!(read, 12);
}

#[test]
fn our_requests_are_spelled_as_smallrye_spells_its_own() {
    for (case, head) in requests().into_iter().filter(|(_, head)| head.is_call()) {
        let ours = RequestHead {
            dialect: Dialect::SmallRye,
            correlation_id: head.correlation_id,
            reply_to: head
                .reply_to
                .map(|to| ReplyAddress::new(to.topic.clone(), to.partition(2))),
            ..RequestHead::default()
        };
        let mut headers = Headers::new();
        ours.write(&mut headers);
        let expected = dump::only(&case.request().unwrap().headers, is_reply_name);
        assert_eq!(dump::only(&headers, is_reply_name), expected);
    }
}
