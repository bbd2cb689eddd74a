//! WebSockets whose messages go over Kafka.

mod ending;
mod kafka;
mod opening;
mod talking;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Request, Response};
use ipc_core::envelope::Problem;
use ipc_http_shim::upstream::{Failure, ReplyRecord};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Fake, Running, Seen, within};

const ROUTE: &str = "[[routes]]\npath = \"/rooms/{room}\"\nservice = \"chat\"\n\
                     mode = \"websocket\"\n\
                     websocket.messages = \"/rooms/{room}/said\"\n";

type Client = WebSocketStream<TcpStream>;
type Item = Result<ReplyRecord, Problem>;

/// A gateway, and what reaches the service behind it.
struct System {
    shim: Running,
    /// The requests that ask for a WebSocket, and where their replies come from.
    opened: mpsc::Receiver<(Seen, mpsc::Sender<Item>)>,
    /// The messages of clients.
    said: mpsc::Receiver<Seen>,
    /// How many of these the broker acknowledges.
    acknowledged: Arc<Semaphore>,
}

impl System {
    async fn start(config: &str) -> Self {
        Self::answering(config, |_| Response::builder()).await
    }

    /// With a service that answers like this.
    async fn answering(
        config: &str,
        answer: impl Fn(&Seen) -> http::response::Builder + Send + Sync + 'static,
    ) -> Self {
        let (open, opened) = mpsc::channel(8);
        let (say, said) = mpsc::channel(8);
        let acknowledged = Arc::new(Semaphore::new(100));
        let permits = Arc::clone(&acknowledged);
        let fake = Fake::streams(move |seen| {
            let mut response = answer(&seen);
            if let Some(headers) = response.headers_mut()
                && !headers.contains_key("content-type")
            {
                let text = "text/plain".parse().expect("it is a value");
                headers.insert("content-type", text);
            }
            let (records, mut told) = mpsc::channel::<Item>(8);
            open.try_send((seen, records)).expect("there is room");
            let records = stream::poll_fn(move |cx| told.poll_recv(cx)).boxed();
            Ok(response.body(records).expect("it is valid"))
        });
        let fake = fake.and_sends(move |seen| {
            let (say, permits) = (say.clone(), Arc::clone(&permits));
            async move {
                say.send(seen).await.expect("the test waits for it");
                match permits.acquire().await {
                    Ok(permit) => permit.forget(),
                    Err(_) => {
                        return Err(Failure::Rejected {
                            reason: "no broker".to_owned(),
                            retry_after: Duration::from_secs(1),
                        });
                    }
                }
                Ok(())
            }
        });
        let shim = Running::start(config, fake).await;
        Self {
            shim,
            opened,
            said,
            acknowledged,
        }
    }

    /// A client with a WebSocket, and where the replies to it come from.
    async fn open(&mut self) -> (Client, mpsc::Sender<Item>) {
        let client = connected(&self.shim, asking("/rooms/blue")).await;
        let (_, replies) = within(self.opened.recv()).await.expect("it is asked");
        (client, replies)
    }
}

/// A request for a WebSocket.
fn asking(path: &str) -> Request<()> {
    let uri = format!("ws://shop.example{path}");
    uri.into_client_request().expect("it is valid")
}

fn with(mut request: Request<()>, name: &'static str, value: &str) -> Request<()> {
    let value = value.parse().expect("it is a value");
    request.headers_mut().insert(name, value);
    request
}

async fn connect(shim: &Running, request: Request<()>) -> Result<(Client, Response<()>), Error> {
    let stream = TcpStream::connect(shim.address).await?;
    let connecting = tokio_tungstenite::client_async(request, stream);
    let (client, answer) = within(connecting).await?;
    Ok((client, answer.map(drop)))
}

async fn connected(shim: &Running, request: Request<()>) -> Client {
    connect(shim, request).await.expect("it is opened").0
}

/// With which status a WebSocket is refused.
async fn refused(shim: &Running, request: Request<()>) -> u16 {
    match connect(shim, request).await {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

fn reply(seq: u32, payload: &'static [u8]) -> Item {
    let payload = Bytes::from_static(payload);
    Ok(ReplyRecord { seq, payload })
}

/// The next message that is none of the protocol's own.
async fn heard(client: &mut Client) -> Message {
    loop {
        let message = within(client.next()).await.expect("a message");
        match message.expect("it is whole") {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

/// How the gateway ends a WebSocket.
async fn ended(client: &mut Client) -> (CloseCode, String) {
    match heard(client).await {
        Message::Close(Some(frame)) => (frame.code, frame.reason.to_string()),
        other => panic!("{other:?}"),
    }
}
