//! Adapters that call the shop's partners over the network.
//!
//! A service declares what it needs as a trait, and decides what a partner's answer means for an
//! order. This crate knows the partners' protocols, but no service. Each adapter is a Cargo
//! feature, so that a Lambda function contains only the adapter that it uses.

pub mod mail;
#[cfg(feature = "stripe")]
pub mod stripe;

#[cfg(any(feature = "smtp", feature = "stripe"))]
use url::{Host, Url};

/// Whether a URL's host is this machine. Domain names are checked for IPv4 addresses, too: in a URL
/// with the scheme `smtp`, for example, the crate `url` parses an address as a domain name.
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
