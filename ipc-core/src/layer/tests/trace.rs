use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::{Layer, ServiceExt as _, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::delivery;
use crate::dispatch::{Delivery, Outcome};
use crate::envelope::{
    Chain, Context, CorrelationId, Envelope, RequestHead, TraceContext, UnixMillis,
};
use crate::layer::TraceLayer;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const ANSWER_BY: UnixMillis = UnixMillis(1_700_000_000_000);

type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of every span, and whether a span is entered.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    spans: Vec<Fields>,
    depth: usize,
}

struct Keep<'a>(&'a mut Fields);

impl Visit for Keep<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut recorded = self.0.lock();
        let mut fields = Fields::new();
        attributes.record(&mut Keep(&mut fields));
        recorded.spans.push(fields);
        Id::from_u64(recorded.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut recorded = self.0.lock();
        let index = usize::try_from(span.into_u64()).expect("one of ours") - 1;
        values.record(&mut Keep(&mut recorded.spans[index]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {
        self.0.lock().depth += 1;
    }

    fn exit(&self, _: &Id) {
        self.0.lock().depth -= 1;
    }
}

fn layer() -> TraceLayer {
    TraceLayer::new(Arc::from("orders"))
}

/// A call on a key, as part of `PARENT`'s trace.
fn traced() -> Envelope {
    let head = RequestHead {
        correlation_id: Some(CorrelationId::from(Bytes::from_static(b"call-1"))),
        trace: TraceContext::parse(PARENT.as_bytes()),
        chain: Chain::default().with("billing", b"invoice-9"),
        shadow: true,
        ..RequestHead::default()
    };
    let mut envelope = Envelope {
        key: Some(Bytes::from_static(b"order-1")),
        payload: Some(Bytes::from_static(b"secret payload")),
        ..Envelope::default()
    };
    envelope
        .headers
        .push_static("authorization", "secret token");
    head.write(&mut envelope.headers);
    envelope
}

/// The context that a handler behind `layer` sees.
async fn seen(layer: TraceLayer, envelope: Envelope) -> Context {
    let mut delivery = delivery(envelope, Instant::now());
    delivery.answer_by = Some(ANSWER_BY);
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let handler = service_fn(move |_: Delivery| {
        let called_in = Context::current();
        let sink = Arc::clone(&sink);
        async move {
            tokio::task::yield_now().await;
            assert_eq!(called_in, Context::current());
            *sink.lock() = Some(called_in);
            Ok::<_, Infallible>(Outcome::Done)
        }
    });
    let Ok(_) = layer.layer(handler).oneshot(delivery).await;
    let context = seen.lock().take();
    context.expect("the handler ran")
}

#[tokio::test(start_paused = true)]
async fn a_span_tells_where_the_record_is_from_and_whose_trace_it_continues() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let context = seen(layer(), traced()).await;
    let own = context.trace.expect("the span is recorded");
    let span = recorder.0.lock().spans[0].clone();
    let expected = [
        ("endpoint", "POST /orders"),
        ("topic", "orders.requests"),
        ("partition", "3"),
        ("offset", "42"),
        ("correlation_id", "call-1"),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("span_id", &format!("{:016x}", own.span_id())),
        ("parent_span_id", "b7ad6b7169203331"),
    ];
    let expected: Fields = expected
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    assert_eq!(span, expected);
    assert_ne!(own.span_id(), 0xb7ad_6b71_6920_3331);
    assert_eq!(recorder.0.lock().depth, 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_outside_of_any_trace_begins_one() {
    let _guard = tracing::subscriber::set_default(Recorder::default());
    let first = seen(layer(), Envelope::default()).await.trace;
    let second = seen(layer(), Envelope::default()).await.trace;
    let (first, second) = (first.expect("begun"), second.expect("begun"));
    assert_ne!(first.trace_id(), second.trace_id());
    assert!(first.is_sampled());
}

#[tokio::test(start_paused = true)]
async fn a_trace_that_nobody_records_is_handed_on_untouched() {
    let _guard = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::new());
    let trace = seen(layer(), traced()).await.trace;
    assert_eq!(trace, TraceContext::parse(PARENT.as_bytes()));
    assert_eq!(seen(layer(), Envelope::default()).await.trace, None);
}

#[tokio::test(start_paused = true)]
async fn a_link_says_what_nested_calls_send() {
    let parent = TraceContext::parse(PARENT.as_bytes());
    let own = TraceContext::root(true);
    let answer = own.clone();
    let expected = parent.clone();
    let layer = layer().link(move |_, parent| {
        assert_eq!(parent, expected.as_ref());
        Some(answer.clone())
    });
    assert_eq!(seen(layer, traced()).await.trace, Some(own));
}

#[tokio::test(start_paused = true)]
async fn nested_calls_inherit_deadline_lanes_and_shadow() {
    let context = seen(layer(), traced()).await;
    assert_eq!(context.deadline, Some(ANSWER_BY));
    assert!(context.held().holds("billing", b"invoice-9"));
    assert!(context.held().holds("orders", b"order-1"));
    assert!(context.shadow);
}

#[tokio::test(start_paused = true)]
async fn a_record_without_key_holds_no_lane() {
    let context = seen(layer(), Envelope::default()).await;
    assert!(context.held().is_empty());
}
