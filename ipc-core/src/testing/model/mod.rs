//! Whole services under seeded faults, with a checker over what happened.
//!
//! A [`Trial`] runs some instances of a service and some callers on the in-memory
//! transport, lets its seed decide what goes wrong and when (records, acknowledgements
//! and commits that are lost, late or repeated; a log or a dedup store that is away;
//! partitions that move; a group that forgets; instances that die between two steps, or
//! are taken for dead and go on; callers that give up), mends everything, and waits
//! until nothing is left to do. What happened is a [`History`], and [`check`] says which
//! promises it breaks. The same seed gives the same history.
//!
//! ```
//! use ipc_core::testing::model::{Trial, check};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let history = Trial::new(7).run().await?;
//! assert_eq!(check(&history), []);
//! # Ok(())
//! # }
//! ```
//!
//! [`Trial::minimal`] makes a trial that breaks a promise small enough to be read.
//!
//! [`Trial::exactly_once`] tries a service whose handlers write to a topic, exactly once.
//!
//! A service of one's own is tried with [`Trial::serving`]: its handlers tell through a
//! [`Probe`] what they do, and its instances share a dedup store that is beside them.
//!
//! The way of asking is that of Jepsen's queue analysis: every operation is written down
//! when it is invoked and when it ends, every effect when it happens, and what must hold
//! is asked of the whole.

mod aftermath;
mod bug;
mod check;
mod cut;
mod default;
mod faults;
mod flaky;
mod fleet;
mod history;
mod load;
mod minimal;
mod mortal;
mod noted;
mod outputs;
mod probe;
mod trial;
mod weather;
mod world;

pub use bug::Bug;
pub use check::{Promise, Violation, check};
pub use history::{End, Event, History, Kind, Operation, Retries, What};
pub use probe::{Probe, Work};
pub use trial::Trial;
