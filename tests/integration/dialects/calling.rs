//! Our calls to services of theirs, played by repliers that write what the dumps show.

use anyhow::{Context, Result};
use axum::body::Body;
use futures_util::future::{try_join, try_join_all};
use harness::{Log, PATIENCE, Raw, Topic, call};
use http::{Request, StatusCode};
use ipc_core::{
    client::{Client, Options, RecordKey},
    transport::kafka::KafkaConfig,
};

use super::{FASTSTREAM, NEST_ERR, NESTJS, Peer, SMALLRYE, SPRING, dump::Case, raw, reread};

/// A replier of one framework, and a client of ours that calls it.
struct Stage {
    peer: Peer,
    log: Log,
    requests: Topic,
    client: Client,
    replies: String,
    partitions: i32,
}

impl Stage {
    async fn set(peer: Peer) -> Result<Self> {
        let bootstrap = harness::bootstrap();
        let requests = Topic::create(&bootstrap, peer.name, 1).await?;
        let fleet = Topic::unused("fleet");
        // A framework that names no reply partition answers on any.
        let partitions = if peer.partition.is_some() { 3 } else { 1 };
        let client = Client::builder(fleet.name())
            .create_topics(partitions)
            .foreign_service("theirs", peer.dialect, Some(requests.name()))
            .connect_kafka(KafkaConfig::new(&bootstrap))
            .await?;
        Ok(Self {
            log: Log::of(&bootstrap)?,
            replies: format!("{fleet}.replies"),
            peer,
            requests,
            client,
            partitions,
        })
    }

    /// Answers a request with the dumped records: only the id is another.
    async fn answer(&self, request: &Raw, replies: &[Raw]) -> Result<()> {
        let address = self.peer.address(request)?.context("no reply topic")?;
        assert_eq!(address.topic, self.replies);
        for reply in replies {
            let mut reply = reply.clone();
            reply.partition = address.partition;
            for (name, value) in &mut reply.headers {
                if name == self.peer.id {
                    *value = Some(address.id.clone());
                }
            }
            self.log.write(&address.topic, reply).await?;
        }
        Ok(())
    }

    /// What a replier of theirs looks at, and must find as it finds it in a request of theirs.
    fn check_request(&self, request: &Raw) -> Result<()> {
        let peer = &self.peer;
        let address = peer.address(request)?.context("no reply topic")?;
        let families = [SPRING, SMALLRYE, FASTSTREAM].map(|peer| peer.address_names());
        let families = families.concat();
        let written = request.headers.iter().map(|(name, _)| name.as_str());
        let written: Vec<_> = written.filter(|name| families.contains(name)).collect();
        assert_eq!(written, peer.address_names());
        match address.partition {
            Some(partition) => assert!((0..self.partitions).contains(&partition)),
            None => assert!(peer.partition.is_none()),
        }
        if peer.name == SPRING.name {
            assert_eq!(address.id.len(), 16);
            return Ok(());
        }
        // The others read it as text, or may.
        assert_eq!(str::from_utf8(&address.id)?.len(), 36);
        if [NESTJS.name, FASTSTREAM.name].contains(&peer.name) {
            for (name, value) in &request.headers {
                let value = value.as_deref().unwrap_or_default();
                assert!(str::from_utf8(value).is_ok(), "{name}");
            }
        }
        Ok(())
    }
}

/// What a caller is to see of an answer of theirs.
#[derive(Debug, PartialEq)]
enum Outcome {
    Whole(StatusCode, Vec<u8>),
    BrokenOff,
}

impl Outcome {
    /// Several replies are one answer only where the framework tells the last.
    fn expected(peer: &Peer, replies: &[Raw]) -> Self {
        let told = if peer.name == NESTJS.name {
            replies
        } else {
            &replies[..1]
        };
        let error = told.iter().find_map(|reply| {
            let (_, value) = reply.headers.iter().find(|(name, _)| name == NEST_ERR)?;
            value.clone()
        });
        match error {
            Some(error) if told.len() == 1 => Self::Whole(StatusCode::INTERNAL_SERVER_ERROR, error),
            Some(_) => Self::BrokenOff,
            None => {
                let payloads = told.iter().filter_map(|reply| reply.payload.as_deref());
                Self::Whole(StatusCode::OK, payloads.collect::<Vec<_>>().concat())
            }
        }
    }
}

/// Tells the calls apart where the dumps have the same body.
const CASE: &str = "x-case";

/// A dumped request that was answered, and its replies.
struct Exchange {
    title: String,
    request: Raw,
    replies: Vec<Raw>,
}

impl Exchange {
    fn of(case: &Case) -> Option<Self> {
        let replies: Vec<_> = case.replies().into_iter().map(raw).collect();
        (!replies.is_empty()).then_some(Self {
            title: case.title.clone(),
            request: raw(case.request()?),
            replies,
        })
    }

    /// The same body under the same key, as a call of ours.
    async fn call(&self, client: &Client) -> Result<Outcome> {
        let body = self.request.payload.clone().unwrap_or_default();
        let mut request = Request::post("http://theirs/orders/7")
            .header(CASE, self.title.as_bytes())
            .body(Body::from(body))?;
        let mut options = Options::default();
        options.timeout = Some(PATIENCE);
        options.key = match &self.request.key {
            Some(key) => RecordKey::Bytes(key.clone().into()),
            None => RecordKey::None,
        };
        request.extensions_mut().insert(options);
        match call(client, request).await {
            Ok((status, body)) => Ok(Outcome::Whole(status, body.to_vec())),
            Err(error) if error.to_string().contains("broke off") => Ok(Outcome::BrokenOff),
            Err(error) => Err(error.context(self.title.clone())),
        }
    }
}

/// Calls with every dumped body that was answered, and is answered as it was. Tells how many those are.
async fn call_as(peer: Peer) -> Result<usize> {
    let stage = Stage::set(peer).await?;
    let exchanges: Vec<_> = stage.peer.cases().iter().filter_map(Exchange::of).collect();
    let calls = exchanges
        .iter()
        .map(|exchange| exchange.call(&stage.client));
    let replier = async {
        let all = |seen: &[_]| seen.len() == exchanges.len();
        let seen = stage.log.read(stage.requests.name(), all).await?;
        for exchange in &exchanges {
            let title = &exchange.title;
            let ours = seen.iter().find(|it| it.text(CASE) == Some(title));
            let ours = reread(ours.with_context(|| title.clone())?);
            stage.check_request(&ours).with_context(|| title.clone())?;
            assert_eq!(ours.payload, exchange.request.payload, "{title}");
            assert_eq!(ours.key, exchange.request.key, "{title}");
            stage.answer(&ours, &exchange.replies).await?;
        }
        anyhow::Ok(())
    };
    let (outcomes, ()) = try_join(try_join_all(calls), replier).await?;
    for (exchange, outcome) in exchanges.iter().zip(outcomes) {
        let expected = Outcome::expected(&stage.peer, &exchange.replies);
        assert_eq!(outcome, expected, "{}", exchange.title);
    }
    assert_eq!(stage.client.pending(), 0);
    stage.client.close().await;
    Ok(exchanges.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spring_listener_is_called_and_its_replies_are_taken() -> Result<()> {
    assert_eq!(call_as(SPRING).await?, 7);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nestjs_handler_is_called_and_its_replies_and_errors_are_taken() -> Result<()> {
    assert_eq!(call_as(NESTJS).await?, 15);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faststream_subscriber_is_called_and_its_replies_are_taken() -> Result<()> {
    assert_eq!(call_as(FASTSTREAM).await?, 11);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smallrye_method_is_called_and_its_replies_are_taken() -> Result<()> {
    assert_eq!(call_as(SMALLRYE).await?, 8);
    Ok(())
}
