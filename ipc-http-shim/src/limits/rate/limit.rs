//! One rate, and how much of it is left.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

use super::Table;
use super::cells::{Cells, OfLimit};
use super::client::{Client, Sender};
use crate::config::Rate;

/// The clock of the runtime, which tests can set.
#[derive(Clone, Copy, Debug)]
struct RuntimeClock;

impl Clock for RuntimeClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

type Limiter<K, S> = RateLimiter<K, S, RuntimeClock, StateInformationMiddleware>;

/// One rate, and how much of it is left.
#[derive(Debug)]
pub(super) struct Limit {
    /// What clients are told it is called.
    name: String,
    /// What replicas that count together call it.
    scope: String,
    quota: Quota,
    counting: Counting,
}

#[derive(Debug)]
enum Counting {
    /// Every request.
    Together(Limiter<NotKeyed, InMemoryState>),
    /// Those of each address.
    EachAddress(Limiter<Client, OfLimit>),
    /// Those of each client that has proved who it is.
    EachPrincipal(Limiter<Client, OfLimit>),
}

/// What one request was told by a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Left {
    /// How many more could follow at once.
    pub(super) requests: u32,
    /// When there will be more.
    pub(super) more_in: Duration,
}

impl Limit {
    /// The limit of `table` that is written under `key`.
    pub(super) fn new(table: &Table<'_>, key: &str, rate: Rate, cells: &Cells) -> Self {
        let quota = quota(rate);
        let each = || RateLimiter::new(quota, cells.of_a_limit(), RuntimeClock);
        Self {
            name: format!("{}-{key}", table.prefix),
            scope: table.scope(key, rate),
            quota,
            counting: match key {
                "total" => {
                    let state = InMemoryState::default();
                    Counting::Together(RateLimiter::new(quota, state, RuntimeClock))
                }
                "principal" => Counting::EachPrincipal(each()),
                _ => Counting::EachAddress(each()),
            },
        }
    }

    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    /// Whom a request of `sender` is counted for; `None` where it is not counted.
    pub(super) fn client(&self, sender: Sender<'_>) -> Option<Client> {
        match self.counting {
            Counting::Together(_) => Some(Client::Everybody),
            Counting::EachAddress(_) => Some(Client::Address(sender.address)),
            Counting::EachPrincipal(_) => {
                let principal = sender.principal?;
                Some(Client::Principal(principal.fingerprint()))
            }
        }
    }

    /// The time for each request, and how many may come at once.
    pub(super) fn each_and_burst(&self) -> (Duration, u32) {
        (
            self.quota.replenish_interval(),
            self.quota.burst_size().get(),
        )
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Counts a request of `sender`; answers `None` where the limit is not for it.
    ///
    /// # Errors
    ///
    /// How long it must wait, where it has to.
    pub(super) fn count(&self, sender: Sender<'_>) -> Result<Option<Left>, Duration> {
        let Some(client) = self.client(sender) else {
            return Ok(None);
        };
        let counted = match &self.counting {
            Counting::Together(limiter) => limiter.check(),
            Counting::EachAddress(limiter) | Counting::EachPrincipal(limiter) => {
                limiter.check_key(&client)
            }
        };
        match counted {
            Ok(state) => Ok(Some(self.left(state.remaining_burst_capacity()))),
            Err(not_until) => Err(wait(&not_until)),
        }
    }

    /// What is left where so many more could follow at once.
    pub(super) fn left(&self, requests: u32) -> Left {
        Left {
            requests,
            more_in: self.quota.replenish_interval(),
        }
    }

    /// Appends it to a list of policies, as `RateLimit-Policy` has them: how many at
    /// once, and in how many seconds there are as many again.
    pub(super) fn write_policy(&self, list: &mut String) {
        let quota = self.quota.burst_size();
        let window = whole_seconds(self.quota.burst_size_replenished_in());
        separate(list);
        // A `String` takes every write.
        let _ = write!(list, "\"{}\";q={quota};w={window}", self.name);
    }

    /// Appends what is left of it to a list, as `RateLimit` has them.
    pub(super) fn write_left(&self, left: Left, list: &mut String) {
        let Left { requests, more_in } = left;
        separate(list);
        // Every answer has it for each of its limits, and `write!` takes twice as long.
        let (mut left, mut seconds) = (itoa::Buffer::new(), itoa::Buffer::new());
        list.extend([
            "\"",
            &self.name,
            "\";r=",
            left.format(requests),
            ";t=",
            seconds.format(whole_seconds(more_in)),
        ]);
    }
}

fn separate(list: &mut String) {
    if !list.is_empty() {
        list.push_str(", ");
    }
}

/// Whole seconds, never fewer than it takes.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn wait(not_until: &NotUntil<Instant>) -> Duration {
    not_until.wait_time_from(RuntimeClock.now())
}

fn quota(rate: Rate) -> Quota {
    let each = rate.per.duration() / rate.requests.get();
    // More than one in a nanosecond is no rate.
    let each = each.max(Duration::from_nanos(1));
    Quota::with_period(each)
        .unwrap_or_else(|| Quota::per_second(rate.requests))
        .allow_burst(rate.burst)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::time::advance;

    use super::*;
    use crate::auth::Principal;
    use crate::config::Credential;
    use crate::config::value::FromText;

    fn from(last: u8, principal: Option<&Principal>) -> Sender<'_> {
        Sender {
            address: IpAddr::from([192, 0, 2, last]).into(),
            principal,
        }
    }

    fn called(subject: &str) -> Principal {
        Principal::new(Credential::Jwt, "https://id", subject, Vec::new())
    }

    fn limit(key: &str, rate: &str) -> Limit {
        let table = Table {
            prefix: "gateway",
            of: "",
        };
        let rate = Rate::from_text(rate).expect("it is a rate");
        Limit::new(&table, key, rate, &Cells::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_and_then_the_rate_holds_with_a_true_time_to_wait() {
        let limit = limit("total", "2/s burst 3");
        let count = || {
            let left = limit.count(from(1, None))?;
            Ok::<_, Duration>(left.map_or(u32::MAX, |left| left.requests))
        };

        assert_eq!([count(), count(), count()], [Ok(2), Ok(1), Ok(0)]);
        let wait = count().expect_err("the burst is used up");
        assert!(wait <= Duration::from_millis(500), "{wait:?}");
        advance(wait).await;
        assert_eq!(count(), Ok(0));
        assert!(count().is_err());
        advance(Duration::from_secs(60)).await;
        assert_eq!(count(), Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn each_client_has_a_rate_of_its_own() {
        let limit = limit("address", "1/m");

        let ann = called("ann");

        assert!(limit.count(from(1, None)).is_ok());
        assert!(limit.count(from(1, Some(&ann))).is_err());
        assert!(limit.count(from(2, Some(&ann))).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn each_principal_has_a_rate_of_its_own_from_wherever_it_comes() {
        let limit = limit("principal", "1/m");

        let (ann, bob) = (called("ann"), called("bob"));

        assert!(limit.count(from(1, Some(&ann))).is_ok());
        assert!(limit.count(from(2, Some(&ann))).is_err());
        assert!(limit.count(from(1, Some(&bob))).is_ok());
        for _ in 0..2 {
            assert_eq!(limit.count(from(1, None)), Ok(None));
        }
    }

    #[test]
    fn a_policy_says_how_many_at_once_and_when_they_are_there_again() {
        let mut list = String::new();
        limit("total", "100/s").write_policy(&mut list);
        limit("address", "30/m burst 5").write_policy(&mut list);

        assert_eq!(
            list,
            "\"gateway-total\";q=100;w=1, \"gateway-address\";q=5;w=10"
        );
    }
}
