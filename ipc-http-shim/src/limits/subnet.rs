//! Whom an address stands for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The network that limits for each address count by: an IPv4 address alone, or the
/// 64 bits that one IPv6 site has at least, all of whose addresses a single host may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Subnet(IpAddr);

/// What an IPv6 address has of its network.
const NETWORK: u128 = !(u64::MAX as u128);

impl From<IpAddr> for Subnet {
    fn from(address: IpAddr) -> Self {
        // A listener for both address families shows IPv4 clients as IPv6.
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(address: &str) -> Subnet {
        Subnet::from(address.parse::<IpAddr>().expect("it is an address"))
    }

    #[test]
    fn every_ipv4_address_stands_for_itself_in_either_form() {
        assert_ne!(subnet("192.0.2.1"), subnet("192.0.2.2"));
        assert_eq!(subnet("192.0.2.1"), subnet("::ffff:192.0.2.1"));
    }

    #[test]
    fn ipv6_addresses_of_one_network_stand_for_the_same() {
        assert_eq!(subnet("2001:db8:1:2::1"), subnet("2001:db8:1:2:ffff::9"));
        assert_ne!(subnet("2001:db8:1:2::1"), subnet("2001:db8:1:3::1"));
    }
}
