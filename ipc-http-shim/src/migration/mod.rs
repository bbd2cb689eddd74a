//! Moving routes from the legacy upstream to their services, one at a time, with proof
//! at every step and a way back.

pub(crate) mod agreement;
mod backlog;
mod board;
pub(crate) mod compare;
mod follower;
mod judge;
mod member;
pub(crate) mod metrics;
mod position;
pub mod record;
mod remote;
pub(crate) mod route;
mod rules;
mod samples;
pub(crate) mod split;
mod stage;
mod tally;
mod webhook;
mod window;

pub use backlog::Backlog;
pub(crate) use compare::is_pointer;
pub use compare::{Class, Difference};
pub use position::Position;
pub use remote::{CommandError, Migrations, RouteView};
pub use route::RouteStatus;
pub use rules::{Bounds, Compare, Migration, ShadowedMethods, Sticky};
pub use samples::Sample;
pub use stage::{NoStage, Stage};
pub use tally::Counts;
pub use webhook::Webhook;
