//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;

use crate::config::Limits;
use crate::limits::metrics::ConnectionBound;
use crate::limits::subnet::Subnet;

/// The places of all connections. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    taken: Mutex<Taken>,
    shown: Gauge,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    /// By network; only of those that have one.
    of: HashMap<Subnet, usize>,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    subnet: Subnet,
}

impl Places {
    /// None is taken, and `shown` shows how many are.
    pub(super) fn new(shown: Gauge) -> Self {
        Self(Arc::new(Inner {
            taken: Mutex::default(),
            shown,
        }))
    }

    /// A place for a connection from `address`, within `limits`.
    ///
    /// # Errors
    ///
    /// The bound it would be over.
    pub(super) fn take(&self, address: IpAddr, limits: &Limits) -> Result<Place, ConnectionBound> {
        let subnet = Subnet::from(address);
        let mut taken = self.0.taken.lock();
        if taken.total >= limits.connections {
            return Err(ConnectionBound::total);
        }
        let of_it = taken.of.get(&subnet).copied().unwrap_or_default();
        if limits
            .connections_per_address
            .is_some_and(|most| of_it >= most)
        {
            return Err(ConnectionBound::address);
        }
        taken.total += 1;
        taken.of.insert(subnet, of_it + 1);
        self.0.shown.inc();
        Ok(Place {
            places: self.clone(),
            subnet,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Inner { taken, shown } = &*self.places.0;
        let mut taken = taken.lock();
        taken.total -= 1;
        if let Some(of_it) = taken.of.get_mut(&self.subnet) {
            *of_it -= 1;
            if *of_it == 0 {
                taken.of.remove(&self.subnet);
            }
        }
        shown.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn limits(connections: usize, of_one: Option<usize>) -> Limits {
        Limits {
            connections,
            connections_per_address: of_one,
            ..Limits::default()
        }
    }

    #[test]
    fn places_are_bounded_in_total_and_for_each_address_and_given_back() {
        let places = Places::new(Gauge::default());
        let limits = limits(3, Some(2));

        let first = places.take(ONE, &limits).expect("there is room");
        let _second = places.take(ONE, &limits).expect("there is room");
        let refused = places.take(ONE, &limits).expect_err("it has two");
        assert_eq!(refused, ConnectionBound::address);
        let _third = places.take(OTHER, &limits).expect("there is room");
        let refused = places.take(OTHER, &limits).expect_err("there are three");
        assert_eq!(refused, ConnectionBound::total);

        drop(first);
        assert!(places.take(ONE, &limits).is_ok());
    }

    #[test]
    fn an_address_without_connections_is_forgotten() {
        let shown = Gauge::default();
        let places = Places::new(shown.clone());
        let limits = limits(10, None);

        let held = [places.take(ONE, &limits), places.take(OTHER, &limits)];
        assert_eq!(shown.get(), 2);
        drop(held);

        assert_eq!(shown.get(), 0);
        assert!(places.0.taken.lock().of.is_empty());
    }
}
