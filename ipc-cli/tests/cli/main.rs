//! The command `ipc`, against a real Kafka.

mod command;
mod dlq;
mod pause;
mod trace;
