//! Typed handlers for topics that are not HTTP-shaped.
//!
//! A record without method and path, as a plain Spring caller writes it, goes to
//! the handler of its topic. [`RequestHandler`], [`OneWayHandler`] and
//! [`StreamHandler`] are implemented by hand or by closures; [`TopicHandler`]
//! makes each of them the same service: from a delivery to an outcome. Bodies are
//! JSON unless another codec is named.
//!
//! ```
//! use ipc_core::handler::{HandlerError, Message, TopicHandler};
//!
//! let double = TopicHandler::request(|message: Message<u32>| async move {
//!     Ok::<_, HandlerError>(message.body * 2)
//! });
//! ```

mod error;
mod message;
mod one_way;
mod place;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod topic;

pub use error::HandlerError;
pub use message::Message;
pub use one_way::OneWayHandler;
pub use request::RequestHandler;
pub use stream::StreamHandler;
pub use topic::TopicHandler;
