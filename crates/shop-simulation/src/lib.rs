//! The shop under the simulator: its orders, its customers and partners, and what must hold of it,
//! whatever happens.

mod callers;
mod courier;
mod invariants;
mod orders;
mod outside;
mod shop;

use chorus_simulation::{Application, Faults, Injection, UnknownInjection, UnknownTrouble};

pub use invariants::Ends;
pub use orders::Story;
pub use shop::{CARRIER_PORT, MAIL_PORT, PAYMENT_PORT, Shop};

pub type Simulator = chorus_simulation::Simulator<Shop>;
/// What a campaign of the shop tries.
pub type Campaign = chorus_simulation::Campaign<Story>;
/// What a run of the shop came to.
pub type Outcome = chorus_simulation::Outcome<Ends>;
/// What a campaign of the shop came to.
pub type Report = chorus_simulation::Report<Ends, Story>;
/// A run of the shop that violated something.
pub type Failure = chorus_simulation::Failure<Story>;

/// All that can befall the shop.
#[must_use]
pub fn all_faults() -> Faults {
    Faults::all(Shop::TROUBLES)
}

/// Reads `all`, `none`, or names of trouble separated by commas; a name after `-` is taken out.
///
/// # Errors
/// Where a name is unknown.
pub fn faults(text: &str) -> Result<Faults, UnknownTrouble> {
    Faults::read(text, Shop::TROUBLES)
}

/// Reads a fault at a call, as it is displayed.
///
/// # Errors
/// Where `text` is something else.
pub fn injection(text: &str) -> Result<Injection, UnknownInjection> {
    Injection::read(text, Shop::PORTS)
}
