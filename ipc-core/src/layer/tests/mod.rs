mod measure;
mod trace;
mod watch;

use std::sync::Arc;

use tokio::time::Instant;

use crate::dispatch::{Delivery, Policy};
use crate::envelope::{Envelope, RequestHead};
use crate::transport::{Origin, Timestamp, TopicPartition};

const ENDPOINT: &str = "POST /orders";

fn delivery(envelope: Envelope, finish_by: Instant) -> Delivery {
    let head = RequestHead::parse(&envelope.headers).expect("the test's headers can be read");
    let origin = Origin {
        partition: TopicPartition {
            topic: Arc::from("orders.requests"),
            partition: 3,
        },
        offset: 42,
        timestamp: Timestamp::Unknown,
    };
    let policy = Arc::new(Policy::new(ENDPOINT));
    Delivery::new(envelope, origin, head, policy, finish_by)
}
