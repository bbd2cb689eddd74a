//! The HTTP gateway.

mod accepted;
mod aggregate;
mod front;
mod killed;
mod principals;
mod secured;
