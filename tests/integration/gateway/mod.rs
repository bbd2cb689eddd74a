//! The HTTP gateway.

mod accepted;
mod front;
mod killed;
mod secured;
