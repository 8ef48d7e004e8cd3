//! Payment: charges an order at most once, and gives back what was charged for a canceled one.
//!
//! The provider stands outside of the shop: it may answer slowly, twice, late or not at all. What
//! keeps the money right is one record for each order with one table of transitions
//! ([`Payment`]), and a charge's key that derives from the order alone ([`charge_key`]).

mod api;
mod cancel_payment;
mod charge;
mod make_payment;
mod outreach;
mod payment;
mod provider;
mod simulated;
#[cfg(test)]
mod testing;
mod transitions;

pub use charge::{charge_key, needs_approval, refund_key};
pub use payment::{Payment, Status};
pub use provider::{Charge, ChargeAnswer, PaymentProvider, Refund, RefundAnswer};
pub use simulated::{LedgerEntry, Movement, SIMULATED_PROVIDER_TABLE, SimulatedProvider, ledger};

use std::sync::Arc;

use chorus_events::Service;
use chorus_kernel::{Function, TableSpec};

/// One payment for each order.
pub const TABLE: TableSpec = TableSpec { name: "payment", indexes: &[], ttl: None };

/// The service, with the provider that moves the money.
#[must_use]
pub fn function(provider: Arc<dyn PaymentProvider>) -> Function {
    Function::of(Service::Payment)
        .table(TABLE)
        .outreach(make_payment::MakePayment::by(Arc::clone(&provider)))
        .outreach(cancel_payment::CancelPayment::by(provider))
        .route(api::get_payment())
}
