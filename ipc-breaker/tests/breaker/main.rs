//! What a breaker promises, with a clock of the tests' own.

mod half_open;
mod service;
mod sink;
mod support;
mod trips;
