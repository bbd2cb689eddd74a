//! Before several services, whose answers are one.

use anyhow::{Result, ensure};
use axum::{Json, Router, extract::Path, routing::get};
use harness::{Stage, eventually, within};
use http::StatusCode;
use serde_json::{Value, json};

use super::front::{Front, body};

fn settings(users: &Stage, orders: &Stage) -> String {
    format!(
        "reply_partitions = 1\n\
         [[routes]]\n\
         method = \"GET\"\n\
         path = \"/both/{{id}}\"\n\
         mode = \"aggregate\"\n\
         timeout = \"5s\"\n\
         parts = {{ user = \"/users/{{id}}\", orders = \"/users/{{id}}/orders\" }}\n\
         required = [\"user\"]\n\
         [[routes]]\n\
         path = \"/users/{{id}}\"\n\
         service = \"{}\"\n\
         [[routes]]\n\
         path = \"/users/{{id}}/orders\"\n\
         service = \"{}\"\n",
        users.name(),
        orders.name(),
    )
}

async fn document(front: &Front) -> Result<Value> {
    let answer = within("the document", front.get("/both/7")).await??;
    ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
    Ok(serde_json::from_str(&body(answer).await?)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_answer_together_and_one_that_left_is_told_missing() -> Result<()> {
    let (users, orders) = (Stage::new("users"), Stage::new("orders"));
    let user = async |Path(id): Path<u32>| Json(json!({ "id": id }));
    let app = Router::new().route("/users/{id}", get(user));
    let users_service = users.service(1).serve(app).start().await?;
    let app = Router::new().route("/users/{id}/orders", get(async || Json(json!(["tea"]))));
    let orders_service = orders.service(1).serve(app).start().await?;
    let front = Front::start(&users, &settings(&users, &orders)).await?;

    let both = json!({ "user": { "id": 7 }, "orders": ["tea"] });
    assert_eq!(document(&front).await?, both);
    orders_service.stop().await;
    eventually("the orders are missing", async || {
        let told = document(&front).await?;
        assert_eq!(told["user"], json!({ "id": 7 }));
        Ok(told["missing"]["orders"]["type"] == "urn:ipc:problem:service-absent")
    })
    .await?;

    front.stop().await?;
    users_service.stop().await;
    Ok(())
}
