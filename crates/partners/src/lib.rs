//! Adapters that reach the shop's partners over the network.
//!
//! A service declares what it needs as a port of its own and answers for what a reply means to an
//! order. This crate knows partners' protocols and no service; each adapter is a feature, so that a
//! function carries only the one that it uses.

pub mod mail;
#[cfg(feature = "stripe")]
pub mod stripe;

#[cfg(any(feature = "smtp", feature = "stripe"))]
use url::{Host, Url};

/// Whether a URL's host is this machine. A URL of a scheme that is not special keeps an IPv4 address as
/// a name.
#[cfg(any(feature = "smtp", feature = "stripe"))]
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
