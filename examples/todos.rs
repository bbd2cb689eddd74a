//! A todo list: an ordinary axum application, answering HTTP requests that
//! travelled over Kafka. Only the last line of `main` knows.
//!
//! Run with: `cargo run --example todos`
//!
//! and ask it from another terminal:
//!
//! ```sh
//! curl -i -d '{"text":"buy milk"}' -H 'content-type: application/json' localhost:3000/todos
//! curl -i localhost:3000/todos
//! ```
//!
//! You see 201 with the new entry, and 200 with the list. The answers are those of
//! plain HTTP; `tests/todos.rs` compares them, header by header.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use ipc_core::service::{Service, shutdown_signal};
use ipc_examples::{Gateway, kafka};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tower_http::timeout::TimeoutLayer;
use uuid::{Builder, Uuid};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let _gateway = Gateway::start("todos", ([127, 0, 0, 1], 3000).into(), kafka.clone()).await?;
    let service = Service::builder("todos").kafka(kafka).create_topics(3);
    let app = app(Todos::seeded(fastrand::u64(..)));

    // Over plain HTTP this line begins with `axum::serve(listener, app)`.
    Ok(service
        .serve(app)
        .with_graceful_shutdown(shutdown_signal())
        .await?)
}

/// The application. Nothing in it has heard of Kafka.
pub(crate) fn app(todos: Todos) -> Router {
    let one = get(find).patch(change).delete(remove);
    Router::new()
        .route("/todos", get(list).post(add))
        .route("/todos/{id}", one)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(10),
        ))
        .with_state(todos)
}

/// The entries, oldest first, and where the next id comes from.
#[derive(Clone)]
pub(crate) struct Todos(Arc<Mutex<(Vec<Todo>, fastrand::Rng)>>);

#[derive(Clone, Debug, Serialize)]
struct Todo {
    id: Uuid,
    text: String,
    done: bool,
}

#[derive(Deserialize)]
struct NewTodo {
    text: String,
}

#[derive(Deserialize)]
struct Change {
    text: Option<String>,
    done: Option<bool>,
}

/// Which part of the list.
#[derive(Default, Deserialize)]
struct Page {
    #[serde(default)]
    skip: usize,
    take: Option<usize>,
}

impl Todos {
    /// No entries. Lists of one seed give out the same ids.
    pub(crate) fn seeded(seed: u64) -> Self {
        let ids = fastrand::Rng::with_seed(seed);
        Self(Arc::new(Mutex::new((Vec::new(), ids))))
    }
}

async fn list(State(todos): State<Todos>, Query(page): Query<Page>) -> Json<Vec<Todo>> {
    let (entries, _) = &*todos.0.lock();
    let rest = entries.iter().skip(page.skip);
    Json(
        rest.take(page.take.unwrap_or(usize::MAX))
            .cloned()
            .collect(),
    )
}

async fn add(State(todos): State<Todos>, Json(new): Json<NewTodo>) -> impl IntoResponse {
    let (entries, ids) = &mut *todos.0.lock();
    let todo = Todo {
        id: Builder::from_random_bytes(ids.u128(..).to_be_bytes()).into_uuid(),
        text: new.text,
        done: false,
    };
    entries.push(todo.clone());
    let location = [("location", format!("/todos/{}", todo.id))];
    (StatusCode::CREATED, location, Json(todo))
}

async fn find(State(todos): State<Todos>, Path(id): Path<Uuid>) -> Result<Json<Todo>, StatusCode> {
    let (entries, _) = &*todos.0.lock();
    let found = entries.iter().find(|todo| todo.id == id);
    found.cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn change(
    State(todos): State<Todos>,
    Path(id): Path<Uuid>,
    Json(change): Json<Change>,
) -> Result<Json<Todo>, StatusCode> {
    let (entries, _) = &mut *todos.0.lock();
    let todo = entries
        .iter_mut()
        .find(|todo| todo.id == id)
        .ok_or(StatusCode::NOT_FOUND)?;
    todo.text = change.text.unwrap_or_else(|| todo.text.clone());
    todo.done = change.done.unwrap_or(todo.done);
    Ok(Json(todo.clone()))
}

async fn remove(State(todos): State<Todos>, Path(id): Path<Uuid>) -> StatusCode {
    let (entries, _) = &mut *todos.0.lock();
    let before = entries.len();
    entries.retain(|todo| todo.id != id);
    if entries.len() < before {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
