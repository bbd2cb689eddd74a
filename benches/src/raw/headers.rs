use rdkafka::message::{Header, OwnedHeaders};

/// What the framework writes on a request beside the correlation id.
pub(super) const REQUEST: [(&str, &[u8]); 9] = [
    ("content-type", b"application/json"),
    (
        "kafka_replyTopic",
        b"bench-service-01234567-callers.replies",
    ),
    ("kafka_replyPartition", &[0; 4]),
    (":method", b"POST"),
    (":path", b"/echo"),
    ("ipc-deadline", b"1795250804432"),
    ("ipc-budget", b"5000"),
    ("ipc-caller", CALLER),
    ("ipc-accept", b"chunks, stream"),
];

/// What it writes on a reply.
pub(super) const REPLY: [(&str, &[u8]); 4] = [
    ("content-type", b"application/json"),
    ("content-length", b"256"),
    ("ipc-caller", CALLER),
    (":status", b"200"),
];

/// What it writes on a record of a reply stream.
pub(super) const STREAM: [(&str, &[u8]); 2] = [("ipc-caller", CALLER), ("ipc-seq", b"123")];

/// What a plain one-way record has: no request of HTTP's shape.
pub(super) const ONE_WAY: [(&str, &[u8]); 2] =
    [("content-type", b"application/json"), ("source", b"bench")];

pub(super) const CORRELATION_ID: &str = "kafka_correlationId";

const CALLER: &[u8] = b"bench-service-01234567-callers/0123456789abcdef0123456789abcdef";

/// The headers of a record, its correlation id first.
pub(super) fn headers(id: &[u8], others: &[(&str, &[u8])]) -> OwnedHeaders {
    let first = OwnedHeaders::new_with_capacity(others.len() + 1).insert(Header {
        key: CORRELATION_ID,
        value: Some(id),
    });
    others.iter().fold(first, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(*value),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt as _;
    use ipc_core::client::Client;
    use ipc_core::envelope::names;
    use ipc_core::service::Service;
    use ipc_core::transport::memory::{Faults, Fetch, MemoryCluster, Produce};
    use ipc_core::transport::{Outgoing, TopicPartition};
    use parking_lot::Mutex;
    use rdkafka::message::Headers as _;

    use super::*;
    use crate::ours::app::{BODY, Note, app, echo, notes};
    use crate::ours::client::{TIMEOUT, fleet};

    /// As long as any that a measure takes.
    const SERVICE: &str = "bench-service-01234567";

    /// The name of a header and the length of its value.
    type Shape = (String, Option<usize>);

    /// Sees every record on its way into the log.
    #[derive(Clone, Default)]
    struct Tap(Arc<Mutex<Vec<Outgoing>>>);

    impl Faults for Tap {
        fn produce(&mut self, record: &Outgoing, _: i32) -> Produce {
            self.0.lock().push(record.clone());
            Produce::Acknowledge
        }

        fn fetch(&mut self, _: &TopicPartition, _: i64) -> Fetch {
            Fetch::Deliver
        }
    }

    impl Tap {
        /// What was written since the last time, but for pings and presence.
        fn take(&self) -> Vec<Outgoing> {
            let mut written = std::mem::take(&mut *self.0.lock());
            written.retain(|record| record.envelope.headers.get(names::CONTROL).is_none());
            written
        }
    }

    /// By name: their order costs nothing.
    fn sorted(shapes: impl Iterator<Item = Shape>) -> Vec<Shape> {
        let mut shapes: Vec<Shape> = shapes.collect();
        shapes.sort();
        shapes
    }

    /// Without what is told only where a machine is busy.
    fn ours(record: &Outgoing) -> Vec<Shape> {
        let headers = record.envelope.headers.iter();
        let headers = headers.filter(|it| ![names::QUEUED, names::HANDLED].contains(&&*it.name));
        let each = headers.map(|header| {
            let length = header.value.as_ref().map(|value| value.len());
            (header.name.to_string(), length)
        });
        sorted(each)
    }

    fn by_hand(others: &[(&str, &[u8])]) -> Vec<Shape> {
        let headers = headers(&[0; 16], others);
        let each = headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::len)));
        sorted(each)
    }

    #[tokio::test]
    async fn the_floor_sends_what_the_framework_sends() {
        let tap = Tap::default();
        let cluster = MemoryCluster::new(1);
        cluster.set_faults(tap.clone());
        let service = Service::builder(SERVICE)
            .create_topics(1)
            .transport(Arc::new(cluster.transport()))
            .serve(app(0).expect("its endpoints do not clash"))
            .start()
            .await
            .expect("the memory transport refuses nothing");
        service.assigned().await;
        let fleet = fleet(SERVICE);
        let client = Client::builder(&fleet)
            .create_topics(1)
            .connect(Arc::new(cluster.transport()))
            .await
            .expect("the memory transport refuses nothing");
        let caller = client.service(SERVICE);
        let (requests, replies) = (format!("{SERVICE}.requests"), format!("{fleet}.replies"));

        let call = caller.call(echo::request(Note::new())).timeout(TIMEOUT);
        call.await.expect("it is answered");
        let written = tap.take();
        let on = |topic: &str| written.iter().find(|record| *record.topic == *topic);
        let request = on(&requests).expect("it was asked");
        let reply = on(&replies).expect("it was answered");
        assert_eq!(ours(request), by_hand(&REQUEST));
        assert_eq!(ours(reply), by_hand(&REPLY));
        for record in [request, reply] {
            assert_eq!(record.envelope.payload.as_deref(), Some(BODY.as_bytes()));
            assert_eq!(record.envelope.key, None);
        }

        let stream = caller.stream(notes::request(200)).await;
        let read = stream.expect("it begins").collect::<Vec<_>>().await;
        assert_eq!(read.len(), 200);
        let written = tap.take();
        let mut replies = written.iter().filter(|record| *record.topic == *replies);
        let record = replies.nth(150).expect("there are 200");
        assert_eq!(ours(record), by_hand(&STREAM));
        service.stop().await;
    }
}
