//! Whole services and clients on the in-memory transport, under a paused clock.
#![cfg(feature = "testing")]

mod calls;
mod cancel;
mod chunks;
mod collected;
mod dedup;
#[path = "../envelope/dump.rs"]
#[expect(dead_code, reason = "the envelope's own tests use the rest")]
mod dump;
mod elsewhere;
mod foreign;
mod health;
mod inbox;
mod journey;
mod kafka_store;
mod lanes;
mod layers;
mod model;
mod nested;
mod parked;
mod presence;
#[cfg(feature = "principal")]
mod principals;
mod quarantine;
mod recorded;
mod redrive;
mod retries;
mod rows;
mod silent;
mod spring;
mod stops;
mod streams;
mod system;
mod transactions;
#[cfg(feature = "postgres")]
mod tx;
mod unkept;
