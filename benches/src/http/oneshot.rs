use anyhow::{Result, bail, ensure};
use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::load::{Load, Sample, closed};
use crate::ours::{Note, app};
use crate::worker::Subject;

/// Asks the Router itself, in this process.
pub(crate) struct Oneshot {
    runtime: Runtime,
    router: Router,
}

impl Oneshot {
    pub(crate) fn start() -> Result<Self> {
        Ok(Self {
            runtime: Runtime::new()?,
            router: app(0)?.into_router(),
        })
    }
}

async fn echo(router: Router) -> Result<()> {
    let note = Note::new();
    let request = Request::post("/echo")
        .header("content-type", "application/json")
        .body(Body::from(serde_json::to_vec(&note)?))?;
    let Ok(response) = router.oneshot(request).await;
    let body = response.into_body().collect().await?.to_bytes();
    let reply: Note = serde_json::from_slice(&body)?;
    ensure!(reply == note, "another body");
    Ok(())
}

impl Subject for Oneshot {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        let Load::Closed {
            in_flight, span, ..
        } = *load
        else {
            bail!("a Router cannot do that");
        };
        let router = self.router.clone();
        let call = move |_| echo(router.clone());
        self.runtime.block_on(closed(in_flight, span, call))
    }
}
