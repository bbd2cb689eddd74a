#![doc = include_str!("../README.md")]

mod breaker;
mod budget;
mod counters;
mod draws;
mod gate;
mod judge;
mod permit;
mod refused;
mod run;
mod settings;
mod sync;
mod tally;
mod window;
mod word;

pub use breaker::{Breaker, Change, Why};
pub use budget::Budget;
pub use counters::Snapshot;
pub use permit::{Outcome, Permit};
pub use refused::{Reason, Refused};
pub use settings::{InvalidSettings, Mode, Settings};
pub use window::Counts;
pub use word::State;
