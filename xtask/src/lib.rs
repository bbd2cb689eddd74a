//! What development and the tests of this workspace need around the crates themselves.
//!
//! The binary (`cargo xtask`) is for people and for CI; the library is for tests that need a broker, a database or a
//! store of their own.

mod account;
pub mod broker;
pub mod cache;
mod leash;
mod poll;
mod port;
pub mod postgres;
pub mod program;
pub mod redis;
