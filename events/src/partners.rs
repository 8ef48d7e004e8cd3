//! The partners of the shop: who stands outside and is called, or calls back; and when the shop stops
//! calling one who does not answer.

use chorus_table::{Breaker, CallBody, Event, Partner};

use crate::outages::{PartnerRecovered, PartnerUnavailable};

/// Fetches parcels and delivers them. The bus calls it; it answers by signed webhooks.
pub const CARRIER: Partner =
    Partner { name: "carrier", source: "com.logistics", body: CallBody::Data };

/// The shop's own front end. The bus posts signed updates of orders to it; it answers nothing.
pub const FRONT_END: Partner =
    Partner { name: "front-end", source: "com.front-end", body: CallBody::Data };

/// Charges and refunds.
pub const PAYMENT_PROVIDER: Partner = called_by_code("payment-provider", "com.payment-provider");

/// Takes emails.
pub const MAILER: Partner = called_by_code("mailer", "com.mailer");

/// Who says that a partner does not answer: whichever service calls it.
pub const BREAKERS: Partner = called_by_code("circuit breakers", "com.partners");

/// A partner whose API services call themselves: the bus sends it nothing.
const fn called_by_code(name: &'static str, source: &'static str) -> Partner {
    Partner { name, source, body: CallBody::Detail }
}

/// When the payment provider is not called: it may take seconds for a charge, and an order waits.
pub const PAYMENT_BREAKER: Breaker = Breaker {
    partner: PAYMENT_PROVIDER,
    failures: 5,
    within_seconds: 300,
    pause_seconds: 60,
    probes: 1,
    unavailable: &PartnerUnavailable::SPEC,
    recovered: &PartnerRecovered::SPEC,
};

/// When no email is sent: nothing but emails waits for that.
pub const MAIL_BREAKER: Breaker =
    Breaker { partner: MAILER, pause_seconds: 300, ..PAYMENT_BREAKER };
