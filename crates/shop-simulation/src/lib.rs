//! The shop under the simulator: its orders, customers and partners, and its invariants.

mod accounts;
mod bank;
mod callbacks;
mod callers;
mod courier;
mod ends;
mod forgetting;
mod forgotten;
mod invariants;
mod orders;
mod outside;
mod pace;
mod refunds;
mod regions;
mod shop;

use chorus_simulation::{
    Application, Faults, Injection, Trouble, UnknownInjection, UnknownTrouble,
};

pub use ends::Ends;
pub use orders::Story;
pub use shop::{CARRIER_PORT, MAIL_PORT, PAYMENT_PORT, Shop};

pub type Simulator = chorus_simulation::Simulator<Shop>;
/// A campaign of many simulated runs of the shop.
pub type Campaign = chorus_simulation::Campaign<Story>;
/// The outcome of a run of the shop.
pub type Outcome = chorus_simulation::Outcome<Ends>;
/// The result of a campaign of simulated runs.
pub type Report = chorus_simulation::Report<Ends, Story>;
/// A run of the shop that violated an invariant.
pub type Failure = chorus_simulation::Failure<Story>;

/// Every kind of trouble that a run of the shop can have.
#[must_use]
pub fn all_faults() -> Faults {
    Faults::all(Shop::TROUBLES)
}

/// Reads `all`, `none`, or names of kinds of trouble, separated by commas. A `-` before a name
/// removes that kind of trouble.
///
/// # Errors
/// If a name is unknown.
pub fn faults(text: &str) -> Result<Faults, UnknownTrouble> {
    Faults::read(text, Shop::TROUBLES)
}

/// Reads the same text as [`faults`], and returns only the kinds that it names one by one, not
/// those that `all` stands for.
///
/// # Errors
/// If a name is unknown.
pub fn named_faults(text: &str) -> Result<Faults, UnknownTrouble> {
    Faults::named(text, Shop::TROUBLES)
}

/// Returns the members of `faults` that a run with two regions leaves out.
#[must_use]
pub fn only_in_one_region(faults: &Faults) -> Vec<Trouble> {
    faults.0.iter().copied().filter(|it| it.is_in_one_region_only::<Shop>()).collect()
}

/// Parses an injected fault, in the form in which `Injection` is displayed.
///
/// # Errors
/// If `text` does not have that form.
pub fn injection(text: &str) -> Result<Injection, UnknownInjection> {
    Injection::read(text, Shop::PORTS)
}
