//! What most measures compare: the framework, and the same by hand.

use anyhow::Result;

use super::contest::Contest;
use crate::bench::Bench;
use crate::ours::{ClientPlan, ServicePlan};
use crate::raw::{self, Place};
use crate::worker::{Role, Worker};

/// What differs between two entries of the framework.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) partitions: i32,
    pub(super) more_endpoints: usize,
    pub(super) callers: usize,
}

impl Shape {
    /// One partition each way and no more endpoints than are used.
    pub(super) const PLAIN: Self = Self {
        partitions: 1,
        more_endpoints: 0,
        callers: 1,
    };
}

/// Enters the exchange by hand: so many records answer one request.
pub(super) fn raw(
    contest: &mut Contest<'_>,
    bench: &Bench,
    name: &str,
    linger: &str,
    records: u32,
) -> Result<()> {
    let place = place(bench, linger, records)?;
    let service = Worker::start(&Role::RawService(place.clone()))?;
    contest.enter(name, vec![service], &Role::RawClient(place))
}

/// Topics for an exchange by hand.
pub(super) fn place(bench: &Bench, linger: &str, records: u32) -> Result<Place> {
    let place = Place {
        bootstrap: bench.bootstrap.clone(),
        requests: bench.unused("raw-requests"),
        replies: bench.unused("raw-replies"),
        linger: linger.to_owned(),
        records,
    };
    raw::create_topics(&place.bootstrap, &[&place.requests, &place.replies])?;
    Ok(place)
}

/// Enters the framework.
pub(super) fn typed(
    contest: &mut Contest<'_>,
    bench: &Bench,
    name: &str,
    shape: Shape,
) -> Result<()> {
    let plan = service(bench, shape);
    let client = ClientPlan {
        callers: shape.callers,
        ..ClientPlan::new(&bench.bootstrap, &plan.name)
    };
    let service = Worker::start(&Role::Service(plan))?;
    contest.enter(name, vec![service], &Role::Client(client))
}

/// A service under a name that nothing else uses.
pub(super) fn service(bench: &Bench, shape: Shape) -> ServicePlan {
    ServicePlan {
        bootstrap: bench.bootstrap.clone(),
        name: bench.unused("service"),
        partitions: shape.partitions,
        more_endpoints: shape.more_endpoints,
    }
}
