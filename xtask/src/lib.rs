//! What development and the tests of this workspace need around the crates themselves.
//!
//! The binary (`cargo xtask`) is for people and for CI; the library is for tests that need a broker of their own.

pub mod broker;
pub mod cache;
pub mod program;
