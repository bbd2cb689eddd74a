use bytes::Bytes;
use ipc_core::envelope::control::{MAX_PARTITIONS, Obeyed};
use ipc_core::envelope::{CallerId, Control, CorrelationId, Headers, UnixMillis, names};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

fn correlation_id() -> impl Strategy<Value = CorrelationId> {
    vec(any::<u8>(), 0..40).prop_map(|bytes| CorrelationId::from(Bytes::from(bytes)))
}

fn caller() -> impl Strategy<Value = CallerId> {
    ".{0,20}/[0-9a-f]{32}".prop_map(|text| CallerId::from(bytestring::ByteString::from(text)))
}

fn obeyed() -> impl Strategy<Value = Obeyed> {
    (any::<u64>(), btree_set(".{0,30}", 0..5)).prop_map(|(through, paused)| Obeyed {
        through,
        paused: paused.into_iter().map(Into::into).collect(),
    })
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        (correlation_id(), caller()).prop_map(|(correlation_id, caller)| Control::Cancel {
            correlation_id,
            caller
        }),
        (
            correlation_id(),
            caller(),
            any::<u64>(),
            any::<Option<u64>>()
        )
            .prop_map(|(correlation_id, caller, bytes, records)| Control::Credit {
                correlation_id,
                caller,
                bytes,
                records,
            }),
        (
            ".{0,30}",
            btree_set(0..=i32::MAX, 0..20),
            any::<u64>(),
            option::of(obeyed())
        )
            .prop_map(|(instance, partitions, until, obeyed)| Control::Presence {
                instance: instance.into(),
                partitions,
                valid_until: UnixMillis(until),
                obeyed,
            }),
        ".{0,30}".prop_map(|instance| Control::Farewell {
            instance: instance.into()
        }),
        (caller(), any::<u64>()).prop_map(|(caller, nonce)| Control::Ping { caller, nonce }),
    ]
}

/// Headers with our names and anything at all as values.
fn hostile() -> impl Strategy<Value = Headers> {
    let name = prop::sample::select(vec![
        names::CONTROL,
        names::CORRELATION_ID,
        names::CALLER,
        names::INSTANCE,
        names::PARTITIONS,
        names::VALID_UNTIL,
        names::CREDIT_BYTES,
        names::CREDIT_RECORDS,
        names::NONCE,
    ]);
    let value = prop_oneof![
        vec(any::<u8>(), 0..12),
        "[0-9,-]{0,24}".prop_map(String::into_bytes),
        prop::sample::select(vec!["cancel", "credit", "presence", "farewell", "ping"])
            .prop_map(|kind| kind.as_bytes().to_vec()),
    ];
    vec((name, prop::option::of(value)), 0..12).prop_map(|pairs| {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push_value(name, value.map(Bytes::from));
        }
        headers
    })
}

proptest! {
    #[test]
    fn every_control_record_is_read_as_it_was_written(control in control()) {
        let envelope = control.to_envelope();
        prop_assert_eq!(Control::parse(&envelope.headers), Some(control));
    }

    #[test]
    fn hostile_control_headers_never_panic_and_never_grow_beyond_the_bound(headers in hostile()) {
        if let Some(Control::Presence { partitions, .. }) = Control::parse(&headers) {
            prop_assert!(partitions.len() <= MAX_PARTITIONS);
        }
    }
}

fn presence(partitions: &'static str) -> Option<Control> {
    let mut headers = Headers::new();
    headers.push(names::CONTROL, "presence");
    headers.push(names::INSTANCE, "orders-1");
    headers.push(names::PARTITIONS, partitions);
    headers.push(names::VALID_UNTIL, "1795250773000");
    Control::parse(&headers)
}

#[test]
fn a_range_of_all_partitions_there_could_be_is_refused() {
    assert_eq!(presence("0-2147483647"), None);
    assert_eq!(presence("0-9998,9999-10000"), None);
    assert!(presence("0-9999").is_some());
}

#[test]
fn partitions_that_are_not_ascending_runs_of_numbers_are_refused() {
    for text in ["7-3", "-1", "1--2", "1,,2", "a", "+1", ",", "2147483648"] {
        assert_eq!(presence(text), None, "{text}");
    }
}

#[test]
fn an_instance_without_partitions_is_present_all_the_same() {
    let Some(Control::Presence { partitions, .. }) = presence("") else {
        panic!("an empty list is a list");
    };
    assert!(partitions.is_empty());
}

#[test]
fn a_kind_of_a_later_release_is_ignored() {
    let mut headers = Headers::new();
    headers.push(names::CONTROL, "rewind");
    headers.push(names::INSTANCE, "orders-1");
    assert_eq!(Control::parse(&headers), None);
}
