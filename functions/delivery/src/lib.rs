//! Delivery: plans an order's delivery, hands the parcel to the carrier, and follows the parcel
//! until it arrives or the delivery is canceled.
//!
//! The carrier is a partner: an external system. The bus calls the carrier, so `StartDelivery` and
//! `RecallDelivery` are rows of the design table that have no code. The carrier calls back through
//! a webhook, whose signature is verified with [`WebhookSecrets`].

mod address;
mod api;
mod cancel_delivery;
mod carrier_callback;
mod confirm_delivery;
mod delivery;
#[cfg(feature = "lambda")]
mod deployed;
mod estimate_delivery;
mod mark_delivery_as_started;
mod relay_logistics;
mod show_address;
mod transitions;
mod webhook;

pub use carrier_callback::{
    CAPTURE_DUE, CARRIER_WAIT_TABLE, CarrierCallback, CarrierReport, ParcelStatus,
};
pub use chorus_webhook_signature::{SecretSource, WebhookSecret, WebhookSecrets};
pub use delivery::{Delivery, Plan, Status};
#[cfg(feature = "lambda")]
pub use deployed::webhook_secrets;

use std::sync::Arc;

use chorus_events::services;
use chorus_events::table::rows;
use chorus_http::HttpFunction;
use chorus_kernel::{Function, MachineSpec, TableSpec};

/// One delivery for each order.
pub const TABLE: TableSpec = TableSpec { name: "delivery", indexes: &[], ttl: None };

/// The name of a limit in seconds, and of the deployment parameter that sets the limit: how long
/// [`FULFIL_DELIVERY`] waits for the carrier before it cancels the delivery.
pub const DELIVERY_DEADLINE: &str = "CarrierTimeoutSeconds";

/// The state machine that hands the parcel to the carrier, and cancels the delivery if the carrier
/// never calls back.
pub const FULFIL_DELIVERY: MachineSpec = MachineSpec {
    limits: &[(DELIVERY_DEADLINE, 10 * 86_400)],
    former: &[include_str!("../../../infra/state-machines/former/fulfil-delivery-1.asl.json")],
    ..MachineSpec::new(
        "FulfilDelivery",
        include_str!("../../../infra/state-machines/fulfil-delivery.asl.json"),
    )
};

/// The former version of [`FULFIL_DELIVERY`], which only waited for the carrier. It is kept for
/// executions that were started with it and still run.
const TRANSPORT: MachineSpec = MachineSpec::new(
    "Transport",
    include_str!("../../../infra/state-machines/former/transport.asl.json"),
);

/// Builds the service, which accepts webhooks that are signed with one of `webhook_secrets`.
#[must_use]
pub fn function(webhook_secrets: Arc<dyn SecretSource>) -> HttpFunction {
    let function = Function::of(services::DELIVERY)
        .table(TABLE)
        .table(CARRIER_WAIT_TABLE)
        .starts::<rows::FulfilDelivery>(FULFIL_DELIVERY)
        .retired_machine(TRANSPORT)
        .action(estimate_delivery::EstimateDelivery)
        .action(mark_delivery_as_started::MarkDeliveryAsStarted)
        .action(relay_logistics::RelayLogistics)
        .action(show_address::ShowAddress)
        .action(confirm_delivery::ConfirmDelivery)
        .action(cancel_delivery::CancelDelivery);
    HttpFunction::new(
        function,
        [
            webhook::post_logistics(Arc::clone(&webhook_secrets)),
            address::post_address(webhook_secrets),
            api::get_delivery(),
        ],
    )
}
