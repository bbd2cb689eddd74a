//! Copies of requests, whose answers are compared and shown to nobody else.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Limited};
use ipc_core::envelope::names::IDEMPOTENCY_KEY;
use ipc_core::envelope::principal::Sign;
use ipc_core::envelope::{CorrelationId, UnixMillis};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::copied::{Copy, copied};
use super::destination::ToService;
use super::moving::{Moving, is_failure};
use crate::auth::Principal;
use crate::config::{HeaderChanges, ServiceMode};
use crate::migration::Sample;
use crate::migration::compare::{Answered, Compared};
use crate::migration::route::{MovingRoute, Standing};
use crate::peer::Peer;
use crate::sockets::SOCKET_ID;
use crate::upstream::{Outbound, Upstream};

/// How many copies may be under way. More are left out, and counted: a service that
/// hangs must not fill the gateway's memory with requests that nobody waits for. Each
/// holds a request and two answers of at most `compare.body` bytes.
const MOST: usize = 128;

/// The copies that are under way.
pub(super) struct Shadows {
    upstream: Arc<dyn Upstream>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    draining: CancellationToken,
}

/// Where the legacy upstream's answer is copied to.
pub(super) struct LegacyCopy {
    to: oneshot::Sender<(StatusCode, HeaderMap, Copy)>,
    most: usize,
}

/// One copy.
struct Shadow {
    route: Arc<MovingRoute>,
    standing: Arc<Standing>,
    upstream: Arc<dyn Upstream>,
    to: ToService,
    head: request::Parts,
    peer: Peer,
    vouching: Option<Arc<dyn Sign>>,
    asked: Copy,
    /// What becomes of the headers of its answer: what a client would get is compared.
    answers: HeaderChanges,
    legacy: oneshot::Receiver<(StatusCode, HeaderMap, Copy)>,
    #[expect(dead_code, reason = "holds a place until it is dropped")]
    place: OwnedSemaphorePermit,
}

impl Shadows {
    /// Copies end with `draining`.
    pub(super) fn new(upstream: Arc<dyn Upstream>, draining: CancellationToken) -> Self {
        Self {
            upstream,
            places: Arc::new(Semaphore::new(MOST)),
            tasks: TaskTracker::new(),
            draining,
        }
    }

    /// Begins a copy of `request`, which goes to the service once the request itself has
    /// been read to its end. Gives the request back: to be sent on, and with where its
    /// answer is copied to, or as it was where no more copies are made. `limit` is
    /// how many bytes of its body may be copied, where the route does not say fewer.
    pub(super) fn begin(
        &self,
        moving: &mut Moving<'_>,
        request: Request<Body>,
        peer: &Peer,
        vouching: Option<Arc<dyn Sign>>,
        limit: usize,
    ) -> Result<(Request<Body>, LegacyCopy), Request<Body>> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            moving.standing.not_compared();
            return Err(request);
        };
        let (head, body) = request.into_parts();
        let most = moving.route.rules().compare.body;
        let (body, asked) = copied(body, limit.min(most));
        let mut copy = copy_of(&head);
        moving.changes.request(&mut copy);
        let (to, legacy) = oneshot::channel();
        let shadow = Shadow {
            route: Arc::clone(moving.route),
            standing: Arc::clone(&moving.standing),
            upstream: Arc::clone(&self.upstream),
            to: moving.to.clone(),
            head: copy,
            peer: peer.clone(),
            vouching,
            asked,
            answers: moving.changes.of_answers().clone(),
            legacy,
            place,
        };
        let draining = self.draining.clone();
        self.tasks
            .spawn(async move { draining.run_until_cancelled(shadow.run()).await });
        let request = Request::from_parts(head, Body::new(body));
        Ok((request, LegacyCopy { to, most }))
    }

    /// Waits until no copy is under way. They end with the draining.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl LegacyCopy {
    /// Copies the legacy upstream's answer while it goes to the client.
    pub(super) fn copy(self, answer: Response<Body>) -> Response<Body> {
        let (head, body) = answer.into_parts();
        let (body, copy) = copied(body, self.most);
        // The copy may have ended already.
        let _ = self.to.send((head.status, head.headers.clone(), copy));
        Response::from_parts(head, Body::new(body))
    }
}

impl Shadow {
    async fn run(self) {
        let Self {
            route,
            standing,
            upstream,
            to,
            mut head,
            peer,
            vouching,
            asked,
            answers,
            legacy,
            ..
        } = self;
        let not_compared = || standing.not_compared();
        let Ok(body) = asked.await else {
            return not_compared();
        };
        let method = head.method.clone();
        let principal = head.extensions.remove();
        let outbound = Outbound {
            service: to.service,
            request: Request::from_parts(head, body),
            key: to.key,
            timeout: to.timeout,
            peer,
            principal,
            vouching,
            shadow: true,
        };
        let began = Instant::now();
        let most = route.rules().compare.body;
        let told = ask(&*upstream, to.mode, outbound, most).await;
        let failed = match &told {
            Told::Nothing => true,
            Told::Answer { status, .. } => is_failure(*status),
            Told::Taken => false,
        };
        standing.kafka_answered(failed, began.elapsed());
        let Told::Answer {
            status,
            mut headers,
            body: Some(body),
            id,
        } = told
        else {
            return not_compared();
        };
        answers.apply(&mut headers);
        let kafka = Answered {
            status,
            headers,
            body,
        };
        let Some(legacy) = whole(legacy).await else {
            return not_compared();
        };
        match route.comparison().compare(&legacy, &kafka) {
            Compared::Same => standing.same(),
            Compared::Not(why) => {
                tracing::debug!(route = &**route.name(), why, "answers are not compared");
                not_compared();
            }
            Compared::Different(class, differences) => {
                standing.different(class);
                let id = id.map(|id| id.to_string());
                let sample = Sample::new(UnixMillis::now(), &method, id, class, differences);
                route.samples().keep(sample);
            }
        }
    }
}

/// What a service told of a copy.
enum Told {
    Nothing,
    /// A one-way: the broker has it.
    Taken,
    Answer {
        status: StatusCode,
        headers: HeaderMap,
        /// `None` where it broke off or is larger than may be kept.
        body: Option<Bytes>,
        id: Option<CorrelationId>,
    },
}

async fn ask(upstream: &dyn Upstream, mode: ServiceMode, outbound: Outbound, most: usize) -> Told {
    match mode {
        ServiceMode::OneWay => match upstream.send(outbound).await {
            Ok(_) => Told::Taken,
            Err(_) => Told::Nothing,
        },
        // Of these, calls alone are copied.
        ServiceMode::Call
        | ServiceMode::Accepted
        | ServiceMode::Stream
        | ServiceMode::WebSocket => match upstream.call(outbound).await {
            Err(_) => Told::Nothing,
            Ok(answer) => {
                let (head, body) = answer.response.into_parts();
                let body = Limited::new(body, most).collect().await;
                Told::Answer {
                    status: head.status,
                    headers: head.headers,
                    body: body.ok().map(http_body_util::Collected::to_bytes),
                    id: answer.correlation_id,
                }
            }
        },
    }
}

/// The legacy upstream's answer, once its client has all of it.
async fn whole(legacy: oneshot::Receiver<(StatusCode, HeaderMap, Copy)>) -> Option<Answered> {
    let (status, headers, copy) = legacy.await.ok()?;
    let body = copy.await.ok()?;
    Some(Answered {
        status,
        headers,
        body,
    })
}

/// The head of a copy. Its idempotency key is another one: what a service stored of a
/// copy must never answer the request itself.
fn copy_of(head: &request::Parts) -> request::Parts {
    let mut copy = Request::new(()).into_parts().0;
    if let Some(principal) = head.extensions.get::<Principal>() {
        copy.extensions.insert(principal.clone());
    }
    copy.method = Method::clone(&head.method);
    copy.uri = head.uri.clone();
    copy.headers = head.headers.clone();
    copy.headers.remove(SOCKET_ID);
    if let Some(key) = copy.headers.get_mut(IDEMPOTENCY_KEY) {
        let shadow = [b"shadow:", key.as_bytes()].concat();
        // What was a header's value is one behind a word too.
        if let Ok(shadow) = HeaderValue::from_bytes(&shadow) {
            *key = shadow;
        }
    }
    copy
}
