//! How many connections the admin address holds, in all and of one address, so that nobody takes all of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections at one time.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// Those of one address: who takes them all leaves enough to probes and scrapers elsewhere.
pub(super) const MAX_OF_ADDRESS: usize = 64;

/// Places for connections. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct AdminPlaces(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct AdminPlace {
    of: AdminPlaces,
    address: IpAddr,
}

impl AdminPlaces {
    /// A place for a connection from there, if there is one.
    pub(super) fn take(&self, address: IpAddr) -> Option<AdminPlace> {
        let address = network(address);
        let mut taken = self.taken();
        let (all, own) = (taken.values().sum::<usize>(), taken.get(&address).copied().unwrap_or_default());
        if all >= MAX_CONNECTIONS || own >= MAX_OF_ADDRESS {
            return None;
        }
        taken.insert(address, own.saturating_add(1));
        drop(taken);
        Some(AdminPlace { of: self.clone(), address })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an address counts as: whoever has one of IPv6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

impl Drop for AdminPlace {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        if let Some(own) = taken.get_mut(&self.address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_and_gives_them_back() {
        let places = AdminPlaces::default();
        let mut held: Vec<AdminPlace> =
            std::iter::from_fn(|| places.take(address("10.0.0.1"))).take(MAX_OF_ADDRESS + 1).collect();
        assert_eq!(held.len(), MAX_OF_ADDRESS);
        assert!(places.take(address("::ffff:10.0.0.1")).is_none(), "the same address in another form");
        assert!(places.take(address("10.0.0.2")).is_some());
        held.pop();
        assert!(places.take(address("10.0.0.1")).is_some());
        held.clear();
        assert!(places.taken().is_empty(), "addresses that are gone are forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        for (one, other, are_one) in [
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
        ] {
            assert_eq!(network(address(one)) == network(address(other)), are_one, "{one} {other}");
        }
    }

    #[test]
    fn all_addresses_have_so_many() {
        let places = AdminPlaces::default();
        let of = |number: usize| address(&format!("10.0.{}.{}", number / 256, number % 256));
        let held: Vec<AdminPlace> = (0..MAX_CONNECTIONS).map(|number| places.take(of(number)).unwrap()).collect();
        assert!(places.take(of(MAX_CONNECTIONS)).is_none());
        drop(held);
        assert!(places.take(of(MAX_CONNECTIONS)).is_some());
    }
}
