use bytes::Bytes;
use ipc_core::envelope::TraceContext;
use ipc_core::envelope::trace::MAX_STATE;
use proptest::prelude::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn parse(header: &str) -> Option<TraceContext> {
    TraceContext::parse(header.as_bytes())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(trace) = TraceContext::parse(&bytes) {
            prop_assert_eq!(TraceContext::parse(trace.to_string().as_bytes()), Some(trace));
        }
    }

    #[test]
    fn any_state_is_kept_within_the_bound(state in "[ -~]{0,700}") {
        let trace = TraceContext::root(true).with_state(&Bytes::from(state.clone()));
        match trace.state() {
            Some(kept) => {
                prop_assert!(kept.len() <= MAX_STATE && state.starts_with(&**kept));
                let rest = &state[kept.len()..];
                prop_assert!(rest.is_empty() || rest.starts_with(','));
            }
            None => prop_assert!(state.is_empty() || state.len() > MAX_STATE),
        }
    }
}

#[test]
fn a_header_of_a_later_version_is_read_as_far_as_it_is_known() {
    let read = parse(&format!("cc-{TRACE}-{SPAN}-01-what-comes-next")).unwrap();
    assert_eq!(read.to_string(), format!("00-{TRACE}-{SPAN}-01"));
}

#[test]
fn unknown_flags_are_not_passed_on() {
    let read = parse(&format!("00-{TRACE}-{SPAN}-ff")).unwrap();
    assert_eq!(read.to_string(), format!("00-{TRACE}-{SPAN}-03"));
}

#[test]
fn what_the_recommendation_calls_invalid_is_refused() {
    let zero_trace = "0".repeat(32);
    let zero_span = "0".repeat(16);
    for header in [
        String::new(),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("00-{TRACE}-{SPAN}-01."),
        format!("cc-{TRACE}-{SPAN}-01.more"),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{zero_trace}-{SPAN}-01"),
        format!("00-{TRACE}-{zero_span}-01"),
        format!("00_{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-0"),
    ] {
        assert_eq!(parse(&header), None, "{header}");
    }
}

#[test]
fn a_child_stays_in_the_trace_with_a_span_of_its_own() {
    let parent = TraceContext::root(true).with_state(&Bytes::from_static(b"a=1"));
    let child = parent.child();
    assert_eq!(child.trace_id(), parent.trace_id());
    assert_ne!(child.span_id(), parent.span_id());
    assert!(child.is_sampled());
    assert_eq!(child.state(), parent.state());
}

#[test]
fn a_state_too_long_is_cut_between_entries() {
    let entries: Vec<String> = (0..60).map(|n| format!("vendor{n:02}=x")).collect();
    let trace = TraceContext::root(false).with_state(&Bytes::from(entries.join(",")));
    let kept: Vec<&str> = trace.state().unwrap().split(',').collect();
    assert_eq!(kept, entries[..kept.len()]);
    // 11 bytes an entry with its comma: 46 fit, and the comma of the last is not sent.
    assert_eq!(kept.len(), 46);
}

#[test]
fn a_state_that_is_not_printable_is_left_out() {
    let trace = TraceContext::root(false).with_state(&Bytes::from_static(b"a=\x001"));
    assert_eq!(trace.state(), None);
}
