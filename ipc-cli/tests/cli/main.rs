//! The command `ipc`, against a real Kafka.

mod command;
mod dlq;
mod migrate;
mod pause;
mod trace;
