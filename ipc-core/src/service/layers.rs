//! What the author of a service puts around every message.

use std::convert::Infallible;

use tower::util::{BoxCloneService, Either};
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Outcome};

/// The way from a delivery to its outcome, as a layer of the author's sees it.
pub type MessageService = BoxCloneService<Delivery, Outcome, Infallible>;

type Wrap = Box<dyn FnOnce(MessageService) -> MessageService + Send>;

/// The author's layers, the outermost first.
#[derive(Default)]
pub(super) struct MessageLayers(Vec<Wrap>);

impl MessageLayers {
    pub(super) fn add<L>(&mut self, layer: L)
    where
        L: Layer<MessageService> + Send + 'static,
        L::Service:
            Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
        <L::Service as Service<Delivery>>::Future: Send + 'static,
    {
        self.0.push(Box::new(move |inner| {
            BoxCloneService::new(layer.layer(inner))
        }));
    }

    /// Without any layer nothing is boxed.
    pub(super) fn around<H>(self, handler: H) -> Either<H, MessageService>
    where
        H: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
        H::Future: Send + 'static,
    {
        if self.0.is_empty() {
            return Either::Left(handler);
        }
        let innermost = BoxCloneService::new(handler);
        let layers = self.0.into_iter().rev();
        Either::Right(layers.fold(innermost, |inner, wrap| wrap(inner)))
    }
}
