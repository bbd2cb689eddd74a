//! What most measures compare: the framework, and the same by hand.

use anyhow::Result;

use super::contest::Contest;
use crate::bench::Bench;
use crate::ours::{ClientPlan, ServicePlan};
use crate::raw::{self, Effort, Place, Spread};
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
    enter(contest, name, place(bench, linger, records, Spread::NONE)?)
}

/// The same by sides that do more than they must.
pub(super) fn raw_with(
    contest: &mut Contest<'_>,
    bench: &Bench,
    name: &str,
    (linger, records): (&str, u32),
    effort: Effort,
) -> Result<()> {
    let place = place(bench, linger, records, Spread::NONE)?;
    enter(contest, name, Place { effort, ..place })
}

/// Enters the exchange by hand, at `linger.ms` 0 and one record each way, over more
/// than one partition or caller.
pub(super) fn raw_spread(
    contest: &mut Contest<'_>,
    bench: &Bench,
    name: &str,
    spread: Spread,
) -> Result<()> {
    enter(contest, name, place(bench, "0", 1, spread)?)
}

fn enter(contest: &mut Contest<'_>, name: &str, place: Place) -> Result<()> {
    let service = Worker::start(&Role::RawService(place.clone()))?;
    contest.enter(name, vec![service], &Role::RawClient(place))
}

/// Topics for an exchange by hand.
pub(super) fn place(bench: &Bench, linger: &str, records: u32, spread: Spread) -> Result<Place> {
    let place = Place {
        bootstrap: bench.bootstrap.clone(),
        requests: bench.unused("raw-requests"),
        replies: bench.unused("raw-replies"),
        linger: linger.to_owned(),
        records,
        effort: Effort::NONE,
        spread,
    };
    let requests = (&*place.requests, spread.partitions);
    let replies = (&*place.replies, spread.callers);
    raw::create_topics(&place.bootstrap, &[requests, replies])?;
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
