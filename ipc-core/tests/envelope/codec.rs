use ipc_core::envelope::codec::{Codec, Decode, Encode, Json};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Deserialize)]
struct ReadOnly {
    count: u32,
}

#[derive(Serialize)]
struct WriteOnly<'a> {
    name: &'a str,
}

#[test]
fn a_type_with_one_side_of_serde_is_enough_for_that_side() {
    let body = Json::encode(&WriteOnly { name: "ann" }).unwrap();
    assert_eq!(body.as_ref(), br#"{"name":"ann"}"#);
    assert_eq!(Json::decode(br#"{"count":3}"#), Ok(ReadOnly { count: 3 }));
}

#[test]
fn an_empty_body_is_null() {
    assert_eq!(Json::decode(b""), Ok(()));
    assert_eq!(Json::decode(b""), Ok(None::<ReadOnly>));
}

#[test]
fn an_error_tells_place_and_shape_and_nothing_of_the_body() {
    let error = <Json as Decode<ReadOnly>>::decode(br#"{"count":"s3cret"}"#).unwrap_err();
    assert!(error.is_mismatch());
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("ReadOnly") && text.contains("column 17"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_body_that_is_not_json_is_told_from_one_of_another_shape() {
    for body in [
        &b"{\"count\":"[..],
        b"{count:3}",
        b"\xff",
        b"{\"count\":3} x",
    ] {
        let error = <Json as Decode<ReadOnly>>::decode(body).unwrap_err();
        assert!(!error.is_mismatch(), "{error}");
        assert!(
            error.to_string().starts_with("the body is not JSON: "),
            "{error}"
        );
    }
}

#[test]
fn a_value_without_a_json_form_is_refused_by_name() {
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    let error = Json::encode(&map).unwrap_err().to_string();
    assert!(
        error.contains("HashMap") && error.contains("JSON"),
        "{error}"
    );
}

#[test]
fn json_is_known_by_its_media_types() {
    for known in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
    ] {
        assert!(Json::reads(known), "{known}");
    }
    for other in ["", "text/json", "application/jsonl", "application/protobuf"] {
        assert!(!Json::reads(other), "{other}");
    }
}

#[cfg(feature = "protobuf")]
mod protobuf {
    use ipc_core::envelope::codec::{Codec, Decode, Encode, Protobuf};
    use proptest::prelude::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Order {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(uint64, tag = "2")]
        count: u64,
    }

    proptest! {
        #[test]
        fn a_message_is_read_as_it_was_written(name in ".{0,20}", count in any::<u64>()) {
            let order = Order { name, count };
            let body = Protobuf::encode(&order).unwrap();
            prop_assert_eq!(Protobuf::decode(&body), Ok(order));
        }

        #[test]
        fn any_bytes_are_a_message_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _: Result<Order, _> = Protobuf::decode(&body);
        }
    }

    #[test]
    fn an_error_names_type_and_field() {
        let error = <Protobuf as Decode<Order>>::decode(b"\x0a\x02\xff\xfe").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("the body is not Protobuf: "), "{text}");
        assert!(text.contains("Order") && text.contains("name"), "{text}");
    }

    #[test]
    fn protobuf_is_known_by_its_media_types() {
        for known in ["application/protobuf", "Application/X-Protobuf; v=1"] {
            assert!(Protobuf::reads(known), "{known}");
        }
        assert!(!Protobuf::reads("application/json"));
    }
}
