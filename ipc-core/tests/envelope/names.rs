use std::collections::BTreeSet;

use ipc_core::envelope::names::{is_loggable, is_reserved, is_sensitive};
use ipc_core::envelope::{Headers, names};
use proptest::prelude::*;

/// Names that belong to everybody.
const OPEN: [&str; 5] = [
    names::CONTENT_TYPE,
    names::TRACEPARENT,
    names::TRACESTATE,
    names::BAGGAGE,
    names::IDEMPOTENCY_KEY,
];

/// Every header name the source gives a constant.
pub(crate) fn all() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/envelope/names.rs");
    let found: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": &str = \""))
        .filter_map(|(_, rest)| rest.strip_suffix("\";"))
        .collect();
    assert!(found.contains(names::CORRELATION_ID) && found.len() > 40);
    found
}

#[test]
fn every_name_of_a_protocol_is_reserved() {
    let open: BTreeSet<_> = all()
        .into_iter()
        .filter(|name| !is_reserved(name))
        .collect();
    assert_eq!(open, BTreeSet::from(OPEN));
}

#[test]
fn prefixes_of_other_libraries_are_reserved() {
    for name in [
        "ce_id",
        "__TypeId__",
        "spring_json_header_types",
        "REPLY_ERROR",
        ":",
    ] {
        assert!(is_reserved(name), "{name}");
    }
}

#[test]
fn names_that_only_resemble_reserved_ones_are_free() {
    for name in [
        "",
        "ipc",
        "x-ipc-deadline",
        "kafka",
        "kafka-topic",
        "reply",
        "cé_",
        "_id",
    ] {
        assert!(!is_reserved(name), "{name}");
    }
    for name in [
        "reply-to",
        "correlation-id",
        "x-correlation_id",
        "correlation_ids",
    ] {
        assert!(!is_reserved(name), "{name}");
    }
}

proptest! {
    #[test]
    fn case_makes_no_difference(upper in any::<u64>(), index in any::<prop::sample::Index>()) {
        let reserved: Vec<_> = all().into_iter().filter(|name| is_reserved(name)).collect();
        let mixed: String = index
            .get(&reserved)
            .chars()
            .enumerate()
            .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        prop_assert!(is_reserved(&mixed), "{}", mixed);
    }

    #[test]
    fn any_name_is_judged_without_a_panic(name in ".{0,12}") {
        let _ = (is_reserved(&name), is_sensitive(&name), is_loggable(&name));
    }
}

#[test]
fn credentials_are_sensitive_in_any_case() {
    for name in [
        "authorization",
        "Cookie",
        "SET-COOKIE",
        "proxy-authorization",
    ] {
        assert!(is_sensitive(name) && !is_loggable(name), "{name}");
    }
    assert!(!is_sensitive("accept"));
}

#[test]
fn headers_show_values_of_the_protocol_and_of_nobody_else() {
    let shown = [names::CORRELATION_ID, names::DEADLINE, names::STATUS];
    let hidden = [
        "authorization",
        "x-app",
        names::PATH,
        names::PEER,
        names::NEST_ERR,
        names::DLT_EXCEPTION_MESSAGE,
        names::IDEMPOTENCY_KEY,
    ];
    for (names, expected) in [(&shown[..], true), (&hidden[..], false)] {
        for name in names {
            let mut headers = Headers::new();
            headers.push(*name, "s3cret");
            let text = format!("{headers:?}");
            assert!(text.contains(name), "{text}");
            assert_eq!(text.contains("s3cret"), expected, "{text}");
        }
    }
}
