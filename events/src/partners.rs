//! The shop's partners: external systems that the shop calls, or that call it back; and when the
//! shop stops calling one that does not answer.

use chorus_table::{Breaker, CallBody, Event, OutsideBus, Partner};

use crate::outages::{PartnerRecovered, PartnerUnavailable};
use crate::services;

/// Fetches parcels and delivers them. The bus calls it; it calls back by signed webhooks.
pub const CARRIER: Partner =
    Partner { name: "carrier", source: "com.logistics", body: CallBody::Data };

/// The shop's own front end. The bus posts signed updates of orders to it; it sends nothing back.
pub const FRONT_END: Partner =
    Partner { name: "front-end", source: "com.front-end", body: CallBody::Data };

/// The bus of the enterprise that the shop belongs to, in another account. The rules of that
/// account decide who else gets the shop's public events.
pub const ENTERPRISE_BUS: OutsideBus = OutsideBus {
    name: "enterprise",
    source: services::ENTERPRISE.source,
    personal: &["CustomerId", "PaymentMethod", "PostalAddress", "ShippingAddress"],
};

/// Keeps the enterprise's catalogue in an account of its own, and lists items by commands that the
/// enterprise's bus forwards.
pub const CATALOGUE: Partner = called_by_code("catalogue", "com.example.catalogue");

/// Charges customers, and refunds charges.
pub const PAYMENT_PROVIDER: Partner = called_by_code("payment-provider", "com.payment-provider");

/// Delivers emails.
pub const MAILER: Partner = called_by_code("mailer", "com.mailer");

/// The source of events about outages: the circuit breaker of whichever service calls the partner.
pub const BREAKERS: Partner = called_by_code("circuit breakers", "com.partners");

/// Returns a partner whose API services call themselves: the bus sends it nothing.
const fn called_by_code(name: &'static str, source: &'static str) -> Partner {
    Partner { name, source, body: CallBody::Detail }
}

/// The failures after which services stop calling the payment provider, and for how long. A charge
/// may take the provider seconds, and an order waits for it.
pub const PAYMENT_BREAKER: Breaker = Breaker {
    partner: PAYMENT_PROVIDER,
    failures: 5,
    within_seconds: 300,
    pause_seconds: 60,
    probes: 1,
    unavailable: &PartnerUnavailable::SPEC,
    recovered: &PartnerRecovered::SPEC,
};

/// Like [`PAYMENT_BREAKER`] for the mailer, with longer pauses, because only emails wait for it.
pub const MAIL_BREAKER: Breaker =
    Breaker { partner: MAILER, pause_seconds: 300, ..PAYMENT_BREAKER };
