//! Heads of every form, and headers of none.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use ipc_core::envelope::{
    Accepts, CallerId, Chain, CorrelationId, Deadline, Headers, ReplyAddress, RequestHead,
    TraceContext, UnixMillis, names,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Text that no sender would put between quotes.
pub(crate) fn text() -> impl Strategy<Value = ByteString> {
    "[^\"]{0,30}".prop_map(ByteString::from)
}

pub(crate) fn correlation_id() -> impl Strategy<Value = CorrelationId> {
    vec(any::<u8>(), 0..40).prop_map(|bytes| CorrelationId::from(Bytes::from(bytes)))
}

fn reply_to() -> impl Strategy<Value = ReplyAddress> {
    // Below the first integer whose four bytes are all ASCII digits.
    let partition = prop::option::of(0..0x3030_3030);
    ("[a-zA-Z0-9._-]{1,40}", partition)
        .prop_map(|(topic, partition)| ReplyAddress::new(topic, partition))
}

fn deadline() -> impl Strategy<Value = Deadline> {
    (any::<u64>(), any::<Option<u64>>()).prop_map(|(at, budget)| Deadline {
        at: UnixMillis(at),
        budget: budget.map(Duration::from_millis),
    })
}

fn trace() -> impl Strategy<Value = TraceContext> {
    let state = prop::option::of("[ -~]{1,40}");
    (1..=u128::MAX, 1..=u64::MAX, 0..4u8, state).prop_map(|(trace, span, flags, state)| {
        let header = format!("00-{trace:032x}-{span:016x}-{flags:02x}");
        let trace = TraceContext::parse(header.as_bytes()).unwrap();
        match state {
            Some(state) => trace.with_state(&Bytes::from(state)),
            None => trace,
        }
    })
}

fn chain() -> impl Strategy<Value = Chain> {
    let lane = ("[a-z0-9._-]{1,20}", vec(any::<u8>(), 0..20));
    vec(lane, 0..5).prop_map(|lanes| {
        lanes
            .iter()
            .fold(Chain::default(), |chain, (service, key)| {
                chain.with(service, key)
            })
    })
}

prop_compose! {
    pub(crate) fn request()(
        correlation_id in prop::option::of(correlation_id()),
        reply_to in prop::option::of(reply_to()),
        method in prop::option::of(text()),
        path in prop::option::of(text()),
        deadline in prop::option::of(deadline()),
        caller in prop::option::of(text()),
        attempt in 1..=u32::MAX,
        accepts in any::<(bool, bool)>(),
        idempotency_key in prop::option::of(text()),
        chunk in any::<Option<u32>>(),
        end in any::<bool>(),
        trace in prop::option::of(trace()),
        chain in chain(),
        shadow in any::<bool>(),
    ) -> RequestHead {
        RequestHead {
            correlation_id,
            reply_to,
            method,
            path,
            deadline,
            caller: caller.map(CallerId::from),
            attempt,
            accepts: Accepts { chunks: accepts.0, stream: accepts.1 },
            idempotency_key,
            chunk,
            end,
            trace,
            chain,
            shadow,
            ..RequestHead::default()
        }
    }
}

/// Headers with names the protocol knows and any bytes, or none, as values.
pub(crate) fn hostile() -> impl Strategy<Value = Headers> {
    let name = prop_oneof![
        prop::sample::select(vec![
            names::CORRELATION_ID,
            names::REPLY_TOPIC,
            names::REPLY_PARTITION,
            names::METHOD,
            names::PATH,
            names::STATUS,
            names::DEADLINE,
            names::BUDGET,
            names::CALLER,
            names::ATTEMPT,
            names::ACCEPT,
            names::SEQ,
            names::CHUNK,
            names::END,
            names::IDEMPOTENCY_KEY,
            names::CHAIN,
            names::TRACEPARENT,
            names::TRACESTATE,
            names::NEST_ERR,
            names::NEST_IS_DISPOSED,
            names::FASTSTREAM_CORRELATION_ID,
            names::FASTSTREAM_REPLY_TO,
            names::SMALLRYE_CORRELATION_ID,
            names::SMALLRYE_REPLY_TOPIC,
            names::SMALLRYE_REPLY_PARTITION,
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    let value = prop_oneof![
        vec(any::<u8>(), 0..24),
        "[\"\\\\0-9]{0,6}".prop_map(String::into_bytes),
    ];
    vec((name, prop::option::of(value)), 0..20).prop_map(|pairs| {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push_value(name, value.map(Bytes::from));
        }
        headers
    })
}
