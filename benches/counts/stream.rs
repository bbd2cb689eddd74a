use std::hint::black_box;

use futures_util::{StreamExt as _, stream};
use ipc_core::prelude::*;

use super::call::Calls;
use super::{BATCH, WARM_UP};

/// As many replies as there are messages in a batch.
#[endpoint(GET "/ticks", stream)]
async fn ticks() -> Replies<u32> {
    Replies::new(stream::iter((0..).take(BATCH)))
}

/// A reply stream from an endpoint behind an axum Router.
pub struct Streams(Calls);

impl Streams {
    /// A service and its client.
    pub fn ready() -> Self {
        let app = App::new().endpoints(endpoints![ticks]);
        let app: App = app.expect("one endpoint has nothing to clash with");
        let scene = Self(Calls::serving(app));
        for _ in 0..WARM_UP {
            scene.read();
        }
        scene
    }

    /// One stream from its request to its end.
    pub fn read(&self) {
        self.0.runtime.block_on(async {
            let ticks = self.0.client.stream(ticks::request()).await;
            let mut ticks = ticks.expect("the service answers");
            let mut taken = 0;
            while let Some(tick) = ticks.next().await {
                black_box(tick.expect("a reply is a number"));
                taken += 1;
            }
            assert_eq!(taken, BATCH);
        });
    }
}
