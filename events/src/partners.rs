//! The shop's partners: external systems that the shop calls, or that call the shop. Also the
//! circuit breakers, which suspend the calls to a partner that does not answer.

use chorus_table::{Breaker, CallBody, Event, OutsideBus, Partner};

use crate::outages::{PartnerRecovered, PartnerUnavailable};
use crate::services;

/// The carrier fetches parcels and delivers them. The bus calls the carrier, and the carrier calls
/// back by signed webhooks.
pub const CARRIER: Partner =
    Partner { name: "carrier", source: "com.logistics", body: CallBody::Data };

/// The shop's own front end. The bus posts signed updates of orders to it. The front end sends
/// nothing back.
pub const FRONT_END: Partner =
    Partner { name: "front-end", source: "com.front-end", body: CallBody::Data };

/// The bus of the enterprise that the shop belongs to, in another AWS account. The rules of that
/// account decide who else gets the shop's public events.
pub const ENTERPRISE_BUS: OutsideBus = OutsideBus {
    name: "enterprise",
    source: services::ENTERPRISE.source,
    personal: &["CustomerId", "PaymentMethod", "PostalAddress", "ShippingAddress"],
};

/// The enterprise's catalogue of items, in another AWS account. The catalogue sends commands that
/// put items up for sale in the shop; the enterprise's bus forwards these commands.
pub const CATALOGUE: Partner = called_by_code("catalogue", "com.example.catalogue");

/// The payment provider charges customers, and refunds charges.
pub const PAYMENT_PROVIDER: Partner = called_by_code("payment-provider", "com.payment-provider");

/// The mailer delivers emails.
pub const MAILER: Partner = called_by_code("mailer", "com.mailer");

/// The owner of the events about outages. The circuit breakers of all services publish these
/// events.
pub const BREAKERS: Partner = called_by_code("circuit breakers", "com.partners");

/// Returns a partner that the bus never calls; services may call the partner from their code.
const fn called_by_code(name: &'static str, source: &'static str) -> Partner {
    Partner { name, source, body: CallBody::Detail }
}

/// The circuit breaker for the payment provider: when services stop calling the provider, and for
/// how long. The pauses are short, because orders wait for their charge.
pub const PAYMENT_BREAKER: Breaker = Breaker {
    partner: PAYMENT_PROVIDER,
    failures: 5,
    within_seconds: 300,
    pause_seconds: 60,
    probes: 1,
    unavailable: &PartnerUnavailable::SPEC,
    recovered: &PartnerRecovered::SPEC,
};

/// The circuit breaker for the mailer. Its pauses are longer than those of [`PAYMENT_BREAKER`],
/// because only emails wait for the mailer.
pub const MAIL_BREAKER: Breaker =
    Breaker { partner: MAILER, pause_seconds: 300, ..PAYMENT_BREAKER };
