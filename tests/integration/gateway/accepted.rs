//! Requests that are answered later.

use anyhow::{Context as _, Result, ensure};
use axum::{Router, routing::post};
use harness::{Stage, eventually};
use http::{StatusCode, header::LOCATION};

use super::front::{Front, body};

fn settings(stage: &Stage) -> String {
    format!(
        "reply_partitions = 3\n\
         [[routes]]\n\
         path = \"/reports\"\n\
         service = \"{}\"\n\
         mode = \"accepted\"\n",
        stage.name(),
    )
}

/// Waits until this gateway tells what came of it.
async fn settled(front: &Front, path: &str) -> Result<(StatusCode, String)> {
    let mut settled = None;
    eventually("the answer is told", async || {
        let answer = front.get(path).await?;
        if answer.status() == StatusCode::ACCEPTED {
            return Ok(false);
        }
        settled = Some((answer.status(), body(answer).await?));
        Ok(true)
    })
    .await?;
    settled.context("it is told")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_accepted_every_other_tells_one_that_comes_later_too() -> Result<()> {
    let stage = Stage::new("accepted");
    let write = |text: String| async move { (StatusCode::CREATED, format!("on {text}")) };
    let app = Router::new().route("/reports", post(write));
    let service = stage.service(1).serve(app).start().await?;
    let one = Front::start(&stage, &settings(&stage)).await?;
    let other = Front::start(&stage, &settings(&stage)).await?;

    let accepted = one.post("/reports", "tea").await?;
    ensure!(accepted.status() == StatusCode::ACCEPTED);
    let path = accepted.headers().get(LOCATION).context("no location")?;
    let path = path.to_str()?.to_owned();

    let expected = (StatusCode::CREATED, "on tea".to_owned());
    assert_eq!(settled(&one, &path).await?, expected);
    assert_eq!(settled(&other, &path).await?, expected);
    let third = Front::start(&stage, &settings(&stage)).await?;
    assert_eq!(settled(&third, &path).await?, expected);

    for front in [one, other, third] {
        front.stop().await?;
    }
    service.stop().await;
    Ok(())
}
