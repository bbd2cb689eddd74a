//! Bytes that nobody should send, and everybody may.

use anyhow::{Context, Result};
use axum::{Router, http::HeaderMap, routing::post};
use harness::{
    Log, Raw, Stage, Written, call, eventually, keyed, metric, within, write_with_header_named,
};
use http::StatusCode;

fn app() -> Router {
    let echo = |headers: HeaderMap, body: String| async move {
        let length = headers.get("x-odd").map_or(0, |odd| odd.as_bytes().len());
        format!("{length} {body}")
    };
    Router::new().route("/echo", post(echo))
}

/// Records that are nothing of ours, or nearly.
fn garbage() -> Vec<Raw> {
    let null = Raw {
        headers: vec![
            (":method".to_owned(), None),
            ("ipc-control".to_owned(), None),
            ("kafka_correlationId".to_owned(), None),
        ],
        ..Raw::default()
    };
    vec![
        Raw::default(),
        null,
        Raw::new((0..=255).collect::<Vec<u8>>()),
        Raw::new("").header("", ""),
        Raw::new("")
            .header(":status", "200")
            .header("kafka_correlationId", ""),
        Raw::new("")
            .header(":status", "many")
            .header("kafka_correlationId", "x"),
        Raw::new("").header("ipc-control", "cancel"),
        Raw::new("").header("ipc-control", vec![0xff; 64]),
        Raw::new("")
            .header("ipc-control", "credit")
            .header("kafka_correlationId", "x")
            .header("ipc-caller", "x/y")
            .header("ipc-credit-bytes", "99999999999999999999999999"),
        Raw::new("")
            .header("ipc-control", "presence")
            .header("ipc-instance", "i")
            .header("ipc-partitions", "0-2147483647")
            .header("ipc-valid-until", "18446744073709551615"),
        Raw::post("/echo", "late chunk")
            .header("ipc-chunk", "7")
            .header("ipc-end", "1"),
        Raw::post("/echo", "").header("ipc-deadline", "-1"),
        Raw::new("")
            .header(":method", vec![0xff])
            .header(":path", vec![0xfe]),
        Raw::new("")
            .header(":method", "G ET")
            .header(":path", "no slash"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_every_topic_stops_nobody() -> Result<()> {
    let stage = Stage::new("garbage");
    let service = stage.service(1).serve(app()).start().await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;
    assert_eq!(call(&client, stage.post("/echo", "a")).await?.1, "0 a");

    for raw in garbage() {
        for topic in [stage.requests(), stage.control()] {
            log.write(&topic, raw.clone()).await?;
        }
        for partition in 0..3 {
            log.write(&stage.replies(), raw.clone().on(partition))
                .await?;
        }
    }
    let (status, body) = within("the answer", call(&client, stage.post("/echo", "b"))).await??;
    assert_eq!((status, &*body), (StatusCode::OK, &b"0 b"[..]));
    assert!(client.is_ready());
    eventually("garbage is done with", async || {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed == log.ends(&stage.requests()).await?)
    })
    .await?;
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_headers_are_answered_or_kept_and_harm_nobody() -> Result<()> {
    let stage = Stage::new("hostile");
    let service = stage.service(1).serve(app()).start().await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;
    let asked = |id: &str| Raw::default().answered_to(stage.replies(), id);
    let to_echo = |id: &str| asked(id).header(":method", "POST").header(":path", "/echo");
    let calls = [
        // What an application sends crosses byte for byte, text or not.
        (
            "200",
            to_echo("odd").header("x-odd", vec![0xff, 0xfe, 0x80]),
        ),
        (
            "400",
            asked("path")
                .header(":method", "POST")
                .header(":path", vec![b'/', 0xff]),
        ),
        ("400", to_echo("twice").header(":method", "GET")),
        (
            "400",
            to_echo("deadlines")
                .header("ipc-deadline", "1")
                .header("ipc-deadline", "2"),
        ),
        ("400", to_echo("chain").header("ipc-chain", vec![0xff])),
    ];
    for (_, raw) in &calls {
        log.write(&stage.requests(), raw.clone()).await?;
    }
    // Partitions that the reply topic does not have: nobody can be told.
    for partition in [7_i32, i32::MAX, -1, i32::MIN] {
        let raw = to_echo("nowhere").header("kafka_replyPartition", partition.to_be_bytes());
        log.write(&stage.requests(), raw).await?;
    }
    let of = |seen: &[Written], id: &str| {
        let named = |reply: &&Written| reply.text("kafka_correlationId") == Some(id);
        seen.iter().find(named).cloned()
    };
    let ids = ["odd", "path", "twice", "deadlines", "chain"];
    let replies = log
        .read(&stage.replies(), |seen| {
            ids.iter().all(|id| of(seen, id).is_some())
        })
        .await?;
    for ((status, _), id) in calls.iter().zip(ids) {
        let reply = of(&replies, id).context("no reply")?;
        assert_eq!(reply.text(":status"), Some(*status), "{id}");
    }
    assert_eq!(of(&replies, "odd").context("no reply")?.payload, b"3 ");
    assert_eq!(
        call(&client, stage.post("/echo", "after")).await?.1,
        "0 after"
    );

    service.stop().await;
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_name_that_is_no_text_is_told_or_kept_and_its_lane_goes_on() -> Result<()> {
    let stage = Stage::new("names");
    let service = stage.service(1).serve(app()).start().await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;
    let hostile = async |topic: &str, raw: &Raw| {
        write_with_header_named(stage.bootstrap(), topic, raw, b"x\xff\xfe").await
    };
    let one_way = Raw::post("/echo", "one-way").key("lane");
    let asked = Raw::post("/echo", "call")
        .key("lane")
        .answered_to(stage.replies(), "hostile");
    hostile(&stage.requests(), &one_way).await?;
    hostile(&stage.requests(), &asked).await?;
    let told = |reply: &Written| reply.text("kafka_correlationId") == Some("hostile");
    let replies = log
        .read(&stage.replies(), |seen| seen.iter().any(told))
        .await?;
    let reply = replies.into_iter().find(told).context("no reply")?;
    assert_eq!(reply.text(":status"), Some("400"));
    let kept = log
        .read(&stage.dead_letters(), |kept| !kept.is_empty())
        .await?;
    assert_eq!(kept[0].text("ipc-dlq-reason"), Some("undecodable"));
    assert_eq!(
        kept[0].text(":path"),
        Some("/echo"),
        "what could be read is there"
    );
    assert_eq!(kept[0].payload, b"one-way");

    // Everybody who reads such a record elsewhere goes on too.
    hostile(&stage.control(), &asked).await?;
    for partition in 0..3 {
        hostile(&stage.replies(), &asked.clone().on(partition)).await?;
    }
    let behind = keyed(stage.post("/echo", "behind"), "lane");
    let (status, body) = within("the answer", call(&client, behind)).await??;
    assert_eq!((status, &*body), (StatusCode::OK, &b"0 behind"[..]));
    assert!(client.is_ready());
    for (outcome, detail) in [("undecodable", ""), ("dead_letter", "undecodable")] {
        let series = format!(
            "ipc_outcomes_total{{endpoint=\"other\",outcome=\"{outcome}\",detail=\"{detail}\"}}"
        );
        assert_eq!(metric(service.metrics(), &series)?, 1.0, "{series}");
    }
    service.stop().await;
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    client.close().await;
    Ok(())
}
