//! `#[endpoint]`, `contract!` and `App` as a service author meets them, without
//! a broker.

mod app;
mod contracts;
mod handlers;
mod requests;
#[cfg(feature = "embedded")]
mod served;
