//! Tests of the whole; most need the Kafka, the Postgres or the Redis that `cargo xtask test` starts.

mod batching;
mod bodies;
mod broker;
mod cancel;
mod chunks;
mod conformance;
mod dedup;
mod dialects;
mod faults;
mod growth;
mod handover;
mod hostile;
mod inbox;
mod kafka_transport;
mod modes;
mod order;
mod outage;
mod outbox;
mod outcomes;
mod postgres_store;
mod promises;
mod redis_store;
mod security;
mod statistics;
mod structure;
mod window;
