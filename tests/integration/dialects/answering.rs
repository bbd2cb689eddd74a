//! Their requests, byte for byte, to a running service of ours.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use axum::{
    Json, Router,
    body::Bytes,
    http::{Method, StatusCode, uri::PathAndQuery},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt as _, future::try_join_all, stream};
use harness::{Log, PrivateBroker, Raw, Stage, Topic, Written};
use ipc_core::{
    dispatch::ReplyTopics,
    envelope::Problem,
    handler::{HandlerError, Message, TopicHandler},
    service::Service,
};
use serde_json::{Value, json};

use super::{
    Address, DISPOSED, FASTSTREAM, NEST_ERR, NESTJS, Peer, SMALLRYE, SPRING, dump::Case, raw,
};

/// Does what the repliers of the dumps did, in the manner of an HTTP application.
async fn place(body: Bytes) -> Response {
    let Ok(order) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if order.get("fail").is_some() {
        let problem = json!({ "code": "OUT_OF_STOCK", "message": "asked to fail" });
        return (StatusCode::CONFLICT, Json(problem)).into_response();
    }
    match order["answer"].as_str() {
        Some("text") => "plain text".into_response(),
        Some("bytes") => vec![0_u8, 0xff].into_response(),
        Some("nothing" | "null" | "none") => StatusCode::OK.into_response(),
        _ => Json(json!({ "name": "ANN" })).into_response(),
    }
}

/// One service for requests that have one answer, one for those that have many.
struct Services {
    calls: Stage,
    streams: Stage,
    running: [Service; 2],
}

impl Services {
    async fn start(bootstrap: &str) -> Result<Self> {
        let calls = Stage::on(bootstrap, "calls");
        let streams = Stage::on(bootstrap, "streams");
        let allowed = || {
            let topics = ReplyTopics::default();
            topics.and("spring.golden.*").and("dialect.*")
        };
        let app = Router::new().route("/orders/7", post(place));
        let calling = calls
            .service(2)
            .reply_topics(allowed())
            .default_route(Method::POST, PathAndQuery::from_static("/orders/7"))
            .serve(app);
        let counts = TopicHandler::stream(|message: Message<Value>| async move {
            let count = message.body["stream"].as_u64().unwrap_or(0);
            let fails = message.body["then"] == "fail";
            let numbers = stream::iter(1..=count).map(|n| Ok(json!({ "n": n })));
            let error = fails.then(|| {
                Err(HandlerError::terminal(Problem::new(
                    "failed",
                    "failed at the end",
                    500,
                )))
            });
            Ok::<_, HandlerError>(numbers.chain(stream::iter(error)))
        });
        let streaming = streams
            .service(2)
            .reply_topics(allowed())
            .topic(streams.requests(), counts)
            .serve(Router::new());
        Ok(Self {
            running: [calling.start().await?, streaming.start().await?],
            calls,
            streams,
        })
    }

    async fn stop(self) {
        for service in self.running {
            service.stop().await;
        }
    }
}

/// One dumped request that was written, and what its sender waits for.
struct Asked {
    title: String,
    request: Raw,
    theirs: Vec<Raw>,
    streams: bool,
}

impl Asked {
    fn of(case: &Case) -> Option<Self> {
        let request = raw(case.request()?);
        let payload = request.payload.as_deref().unwrap_or_default();
        let streams = payload.starts_with(b"{\"stream\"");
        Some(Self {
            title: case.title.clone(),
            theirs: case.replies().into_iter().map(raw).collect(),
            request,
            streams,
        })
    }

    /// Whether our service answers as theirs did: a request with half of an HTTP request line is malformed to us,
    /// and only NestJS says to us that it takes several replies.
    fn is_served(&self, peer: &Peer) -> bool {
        let has = |name: &str| self.request.headers.iter().any(|(known, _)| known == name);
        let body = self.request.payload.as_deref().unwrap_or_default();
        has(":method") == has(":path")
            && !body.windows(6).any(|part| part == b"\"fail\"")
            && (!self.streams || peer.name == NESTJS.name)
    }
}

/// What a requester needs of every record it is sent, and what its framework does.
fn check_record(peer: &Peer, asked: &Asked, address: &Address, record: &Written) {
    let title = &asked.title;
    assert_eq!(record.header(peer.id), Some(&*address.id), "{title}");
    if let Some(partition) = address.partition {
        assert_eq!(record.partition, partition, "{title}");
    }
    // SmallRye takes a reply that names a reply topic for a request.
    for name in &peer.address_names()[1..] {
        assert_eq!(record.header(name), None, "{title}");
    }
    if peer.name == SPRING.name {
        assert_eq!(record.key, asked.request.key, "{title}");
    }
    if peer.name == FASTSTREAM.name {
        assert!(record.header("content-type").is_some(), "{title}");
        for (name, value) in &record.headers {
            assert!(str::from_utf8(value).is_ok(), "{title}: {name}");
        }
    }
}

fn check_answer(peer: &Peer, asked: &Asked, answer: &[&Written]) -> Result<()> {
    let title = &asked.title;
    let last = answer.last().context("no answer")?;
    if peer.name == NESTJS.name {
        let marked: Vec<_> = answer.iter().map(|it| it.header(DISPOSED)).collect();
        let (end, before) = marked.split_last().context("no answer")?;
        assert_eq!(*end, Some(&b"\0"[..]), "{title}");
        assert!(before.iter().all(Option::is_none), "{title}");
    }
    if asked.is_served(peer) {
        let ours: Vec<_> = answer.iter().map(|it| &*it.payload).collect();
        let theirs = asked.theirs.iter().filter_map(|it| it.payload.as_deref());
        let theirs = theirs.collect::<Vec<_>>().concat();
        // One of the dumped repliers had stopped.
        assert!(
            asked.theirs.is_empty() || ours.concat() == theirs,
            "{title}: {ours:?}"
        );
        assert_eq!(last.text(":status").unwrap_or("200"), "200", "{title}");
        assert_eq!(last.header(NEST_ERR), None, "{title}");
        return Ok(());
    }
    let status: u16 = last.text(":status").context("no status")?.parse()?;
    assert!(status >= 400, "{title}: {status}");
    if peer.name == NESTJS.name {
        let error = last.header(NEST_ERR).context("no error")?;
        let error: Value = serde_json::from_slice(error)?;
        assert!(error.is_object(), "{title}: {error}");
        assert!(last.is_null, "{title}");
    }
    Ok(())
}

/// Writes every dumped request of a framework, and checks every answer. Tells which requests were answered, as
/// the length of their id and their reply partition.
async fn ask_as(
    peer: &Peer,
    services: &Services,
    log: &Log,
) -> Result<BTreeSet<(usize, Option<i32>)>> {
    let mut waiting: BTreeMap<String, Vec<(Asked, Address)>> = BTreeMap::new();
    for asked in peer.cases().iter().filter_map(Asked::of) {
        let stage = if asked.streams {
            &services.streams
        } else {
            &services.calls
        };
        log.write(&stage.requests(), asked.request.clone()).await?;
        if let Some(address) = peer.address(&asked.request)? {
            let topic = address.topic.clone();
            waiting.entry(topic).or_default().push((asked, address));
        }
    }
    let checks = waiting.iter().map(async |(topic, asked)| {
        let are_whole = |seen: &[Written]| {
            asked.iter().all(|(_, address)| {
                let answer = answer(peer, address, seen);
                let last = answer.last();
                last.is_some_and(|it| peer.name != NESTJS.name || it.header(DISPOSED).is_some())
            })
        };
        let seen = log.read(topic, are_whole).await;
        let seen = seen.with_context(|| format!("{topic} lacks answers"))?;
        for (asked, address) in asked {
            let answer = answer(peer, address, &seen);
            for record in &answer {
                check_record(peer, asked, address, record);
            }
            check_answer(peer, asked, &answer).with_context(|| asked.title.clone())?;
        }
        anyhow::Ok(())
    });
    try_join_all(checks).await?;
    let answered = waiting.into_values().flatten();
    Ok(answered
        .map(|(_, address)| (address.id.len(), address.partition))
        .collect())
}

/// The records that answer one request, in order.
fn answer<'a>(peer: &Peer, address: &Address, seen: &'a [Written]) -> Vec<&'a Written> {
    let answers = |it: &&Written| it.header(peer.id) == Some(&address.id);
    seen.iter().filter(answers).collect()
}

/// On a broker of its own: the dumps name their reply topics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dumped_request_is_answered_where_and_as_its_sender_waits() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    let peers = [SPRING, NESTJS, FASTSTREAM, SMALLRYE];
    let mut topics = BTreeSet::new();
    for peer in &peers {
        for request in peer.cases().iter().filter_map(Case::request) {
            topics.extend(peer.address(&raw(request))?.map(|address| address.topic));
        }
    }
    for topic in &topics {
        Topic::make(broker.bootstrap(), topic, 2).await?;
    }
    let services = Services::start(broker.bootstrap()).await?;
    let log = Log::of(broker.bootstrap())?;

    let expected: [&[(usize, Option<i32>)]; 4] = [
        // binary and text ids, with and without a reply partition
        &[(16, None), (16, Some(0)), (16, Some(1)), (36, Some(0))],
        &[(21, Some(0))],
        &[(36, None)],
        &[(12, None), (36, None), (36, Some(1))],
    ];
    for (peer, expected) in peers.iter().zip(expected) {
        let kinds = ask_as(peer, &services, &log).await?;
        let kinds: Vec<_> = kinds.into_iter().collect();
        ensure!(kinds == expected, "{}: {kinds:?}", peer.name);
    }
    services.stop().await;
    Ok(())
}
