//! Over the development broker.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::{get as on_get, post as on_post};
use axum::{Extension, Router};
use futures_util::{SinkExt, StreamExt, stream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use ipc_core::envelope::CorrelationId;
use ipc_core::response::ReplyStream;
use ipc_core::service::Service;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{ROUTE, asking, connected, ended, heard};
use crate::support::OverKafka;

/// Whoever is in the room, by the ids of their requests.
type Room = Arc<Mutex<Vec<(String, mpsc::Sender<String>)>>>;

/// Tells everybody what anybody says, and ends for all when somebody says "end".
fn chat() -> Router {
    let room = Room::default();
    let (enter, say) = (Arc::clone(&room), room);
    let entering = async move |id: CorrelationId| {
        let (tell, mut told) = mpsc::channel(8);
        enter.lock().push((id.to_string(), tell));
        let told = stream::poll_fn(move |cx| told.poll_recv(cx));
        let body = Body::from_stream(told.map(Ok::<_, std::io::Error>));
        (Extension(ReplyStream), [(CONTENT_TYPE, "text/plain")], body).into_response()
    };
    let saying = async move |Path(name): Path<String>, headers: HeaderMap, body: String| {
        if body == "end" {
            return say.lock().clear();
        }
        let id = headers["x-websocket-id"].to_str().expect("it is text");
        let everybody = say.lock().clone();
        for (of, tell) in everybody {
            let whose = if of == id { "you" } else { "somebody" };
            let said = format!("{whose} in {name}: {body}");
            tell.send(said).await.expect("there is room");
        }
    };
    Router::new()
        .route("/rooms/{room}", on_get(entering))
        .route("/rooms/{room}/said", on_post(saying))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_web_sockets_talks_to_clients_that_have_them() {
    let over_kafka = OverKafka::start(ROUTE, Service::builder("chat"), chat()).await;
    let shim = &over_kafka.shim;

    let mut ann = connected(shim, asking("/rooms/blue")).await;
    let mut bob = connected(shim, asking("/rooms/blue")).await;
    for said in ["one", "two"] {
        ann.send(Message::text(said)).await.expect("it is taken");
        let told = Message::text(format!("you in blue: {said}"));
        assert_eq!(heard(&mut ann).await, told);
        let told = Message::text(format!("somebody in blue: {said}"));
        assert_eq!(heard(&mut bob).await, told);
    }
    bob.send(Message::text("end")).await.expect("it is taken");
    for mut member in [ann, bob] {
        assert_eq!(ended(&mut member).await.0, CloseCode::Normal);
    }

    over_kafka.stop().await;
}
