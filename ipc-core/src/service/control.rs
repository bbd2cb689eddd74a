//! What callers say to the instances of a service beside their requests.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::dispatch::{Input, OpenReplies};
use crate::envelope::control::Control;
use crate::metrics::Metrics;
use crate::transport::{Consumer, Event, Start, TopicPartition, Transport, TransportError};

/// Reads the control topic from now on. Cancels go to dispatch and to open
/// replies, credit to open replies.
pub(super) async fn listen(
    transport: &dyn Transport,
    topic: &Arc<str>,
    inputs: mpsc::UnboundedSender<Input>,
    open: OpenReplies,
    metrics: Metrics,
) -> Result<Consumer, TransportError> {
    let place = TopicPartition {
        topic: Arc::clone(topic),
        partition: 0,
    };
    let inlet = move |event: Event| {
        let Event::Records(batch) = event else { return };
        for received in batch {
            match Control::parse(&received.envelope.headers) {
                Some(Control::Cancel { correlation_id, .. }) => {
                    open.cancel(&correlation_id);
                    // An engine that has ended has nothing to cancel.
                    let _ = inputs.send(Input::Cancel(correlation_id));
                }
                Some(Control::Credit {
                    correlation_id,
                    bytes,
                    ..
                }) => open.credit(&correlation_id, bytes),
                // Instances of a service hear each other's presence, and callers who ask
                // whether this topic can be heard.
                Some(
                    Control::Presence { .. } | Control::Farewell { .. } | Control::Ping { .. },
                ) => {}
                _ => metrics.dispatch().control_record_ignored(),
            }
        }
    };
    transport.read(place, Start::End, Box::new(inlet)).await
}
