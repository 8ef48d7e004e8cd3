//! Payment: charges an order at most once, and refunds the charge of a canceled order. In some
//! shops, the bank only holds the amount at first, and the shop charges the amount when the parcel
//! leaves.
//!
//! The provider is an external service: it may answer slowly, twice, late or not at all. Two rules
//! ensure that no order is charged twice, or stays charged after its cancellation. Each order has
//! one stored [`Payment`], and one function defines all changes of the payment's status. The id of
//! the payment intent at the provider is stored before the charge is confirmed
//! ([`PaymentProvider`]).
//!
//! The action `CollectPayment`, behind a queue, starts the charge of an order. If the order needs a
//! review, the state machine [`COLLECT_PAYMENT`] starts the charge.

mod api;
mod ask_customer;
mod ask_reviewer;
mod cancel_payment;
mod capture_payment;
mod charge;
mod collect_payment;
mod conclude_payment;
mod confirmation_callback;
#[cfg(feature = "lambda")]
pub mod deployed;
mod hear_provider;
mod hear_verdict;
mod make_payment;
mod notice;
mod payment;
mod provider;
mod provider_action;
mod provider_call;
pub mod provider_suite;
mod refuse_payment;
mod retry_refund;
mod review_callback;
mod simulated;
#[cfg(feature = "stripe")]
mod stripe_provider;
#[cfg(test)]
mod testing;
mod transitions;
mod webhook;

pub use charge::needs_approval;
pub use confirmation_callback::{CUSTOMER_WAIT_TABLE, ConfirmationCallback, Customer};
pub use payment::{Payment, Status};
pub use provider::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, IntentState, KnownIntent, ListedIntent,
    NoProvider, PaymentProvider, ProviderError, Refund, RefundAnswer,
};
pub use review_callback::{REVIEW_WAIT_TABLE, ReviewCallback, ReviewVerdict, Reviewer};
pub use simulated::{
    LedgerEntry, Movement, SIMULATED_PROVIDER_TABLE, SimulatedNotice, SimulatedProvider, ledger,
};
#[cfg(feature = "stripe")]
pub use stripe_provider::StripeProvider;

use std::sync::Arc;

use chorus_events::{Currency, services};
use chorus_http::HttpFunction;
use chorus_kernel::{Function, MachineSpec, TableSpec};
use chorus_webhook_signature::SecretSource;

use crate::provider_action::ProviderAction;

/// One payment for each order.
pub const TABLE: TableSpec = TableSpec { name: "payment", indexes: &[], ttl: None };

/// A customer has a limited time to confirm a payment. This constant is the limit's name in
/// [`COLLECT_PAYMENT`], and the name of the shop's parameter that sets the limit, in seconds.
pub const CONFIRMATION_TIMEOUT: &str = "ConfirmationTimeoutSeconds";

/// The state machine for an order that waits for a reviewer, for the customer, or for both. It runs
/// from the delivery estimate to the event that reports the payment's result.
pub const COLLECT_PAYMENT: MachineSpec = MachineSpec {
    // By default, the customer has an hour to confirm the payment.
    limits: &[(CONFIRMATION_TIMEOUT, 3_600)],
    former: &[
        include_str!("../../../infra/state-machines/former/collect-payment-1.asl.json"),
        include_str!("../../../infra/state-machines/former/collect-payment-2.asl.json"),
    ],
    ..MachineSpec::new(
        "CollectPayment",
        include_str!("../../../infra/state-machines/collect-payment.asl.json"),
    )
};

/// The part of [`COLLECT_PAYMENT`] that waits for a reviewer, as a separate state machine.
pub const AWAIT_REVIEW: MachineSpec = MachineSpec {
    answers: &[ReviewVerdict::ANSWERS],
    // A reviewer has two days to decide. The wait ends earlier if four hours pass without a
    // heartbeat; each `ReviewTaken` sends one.
    limits: &[("ReviewHeartbeatSeconds", 4 * 3_600), ("ReviewTimeoutSeconds", 2 * 86_400)],
    ..MachineSpec::new(
        "AwaitReview",
        include_str!("../../../infra/state-machines/await-review.asl.json"),
    )
};

/// Builds the service: `provider` moves the money, in `currency`, and signs its webhook requests
/// with one of `webhook_secrets`.
#[must_use]
pub fn function(
    provider: Arc<dyn PaymentProvider>,
    webhook_secrets: Arc<dyn SecretSource>,
    currency: Currency,
) -> HttpFunction {
    let function = Function::of(services::PAYMENT)
        .table(TABLE)
        .table(REVIEW_WAIT_TABLE)
        .table(CUSTOMER_WAIT_TABLE)
        .machine(COLLECT_PAYMENT)
        .machine(AWAIT_REVIEW)
        .external_action(collect_payment::CollectPayment.by(Arc::clone(&provider)))
        .action(ask_reviewer::AskReviewer)
        .action(hear_verdict::HearVerdict)
        .action(ask_customer::AskCustomer)
        .external_action(conclude_payment::ConcludePayment.by(Arc::clone(&provider)))
        .action(hear_provider::HearProvider)
        .action(refuse_payment::RefusePayment)
        .external_action(make_payment::MakePayment.by(Arc::clone(&provider)))
        .external_action(capture_payment::CapturePayment.by(Arc::clone(&provider)))
        .external_action(cancel_payment::CancelPayment.by(Arc::clone(&provider)))
        .external_action(retry_refund::RetryRefund.by(Arc::clone(&provider)));
    HttpFunction::new(
        function,
        [
            api::get_payment(currency),
            api::retry_refund(Arc::clone(&provider), currency),
            webhook::post_payments(provider, webhook_secrets),
        ],
    )
}
