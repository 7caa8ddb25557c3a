//! Which addresses the hub may be made to call: those of the public internet.

use std::net::IpAddr;

use crate::config::Network;

/// What is not public of IPv4: the special purposes that IANA keeps a list of (RFC 6890), multicast and what is reserved.
const NOT_PUBLIC_4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// What is public of IPv6: everything else is loopback, local, multicast, a translation of IPv4 or not given out.
const PUBLIC_6: &str = "2000::/3";
/// But for these: protocol assignments with Teredo, documentation, and 6to4, which leads to IPv4.
const NOT_PUBLIC_6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// Whether an address is one of the public internet; one of IPv4 that is written as IPv6 is judged as what it is.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_in = |network: &&str| network.parse::<Network>().is_ok_and(|network| network.contains(address));
    match address {
        IpAddr::V4(_) => !NOT_PUBLIC_4.iter().any(is_in),
        IpAddr::V6(_) => is_in(&PUBLIC_6) && !NOT_PUBLIC_6.iter().any(is_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "2606:4700::1111"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn the_lists_can_be_read() {
        let all = NOT_PUBLIC_4.iter().chain(&NOT_PUBLIC_6).chain([&PUBLIC_6]);
        all.for_each(|network| assert!(network.parse::<Network>().is_ok(), "{network}"));
    }
}
