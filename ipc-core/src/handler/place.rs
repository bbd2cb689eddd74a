//! Where the futures of handlers lie.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio_util::sync::ReusableBoxFuture;

use crate::dispatch::Outcome;

/// Places that are kept for others.
const KEPT: usize = 64;

/// A place with a future in it, or with one that has ended.
type Place = ReusableBoxFuture<'static, Handled>;

/// What a handler comes to, as layers know it.
pub(super) type Handled = Result<Outcome, Infallible>;

/// Places of futures that have ended: those of one handler have one size.
#[derive(Default)]
pub(super) struct Places(Mutex<Vec<Place>>);

impl Places {
    /// Puts a future where another one was. Nobody is waited for: a place that
    /// somebody else is just looking for is made.
    pub(super) fn put(
        self: &Arc<Self>,
        future: impl Future<Output = Handled> + Send + 'static,
    ) -> Placed {
        let kept = self.0.try_lock().and_then(|mut kept| kept.pop());
        let place = match kept {
            Some(mut place) => {
                place.set(future);
                place
            }
            None => Place::new(future),
        };
        Placed {
            place: Some(place),
            places: Arc::clone(self),
        }
    }

    fn take_back(&self, place: Place) {
        if let Some(mut kept) = self.0.try_lock()
            && kept.len() < KEPT
        {
            kept.push(place);
        }
    }
}

/// A future in a place, which is others' once it has ended.
pub struct Placed {
    place: Option<Place>,
    places: Arc<Places>,
}

impl Future for Placed {
    type Output = Handled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Handled> {
        let Some(place) = &mut self.place else {
            return Poll::Pending;
        };
        let handled = ready!(place.poll(cx));
        if let Some(place) = self.place.take() {
            self.places.take_back(place);
        }
        Poll::Ready(handled)
    }
}
