//! The update that the front end gets: what happened to an order, and which of its statuses
//! changed. The update has no personal data; for that data, the front end reads the order from
//! `GET /orders/{id}`.

use chorus_events::table::rows::SignUpdateInput;
use chorus_events::{Money, OrderId};
use chorus_kernel::derived_id;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use uuid::Uuid;

/// The `typ` in the token's header. This type keeps the front end from accepting a token that was
/// signed for another purpose (RFC 8725, section 3.11).
pub const TOKEN_TYPE: &str = "order-update+jwt";

/// The issuer of the token, in the claim `iss`.
const ISSUER: &str = "chorus";

/// How long a token is valid, in seconds. The bus retries a call for a day, and clocks may differ
/// by up to an hour.
const LIFETIME: i64 = 25 * 3_600;

/// The order's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "UpdatedOrderStatus")]
enum Status {
    /// The order is neither canceled nor delivered yet.
    Open,
    /// The order was canceled.
    Canceled,
    /// The parcel has reached the customer.
    Delivered,
}

/// The state of an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "UpdatedPayment")]
enum Payment {
    /// Nothing is charged yet.
    Pending,
    /// A person looks at the order before it is charged.
    InReview,
    /// The customer has to confirm the payment at the bank. `GET /orders/{id}` has the link and
    /// the deadline.
    AwaitingConfirmation,
    /// The bank holds the amount, which is charged when the parcel leaves.
    Authorized,
    /// The order was charged.
    Paid,
    /// The charge was refunded.
    Refunded,
    /// Nothing was charged, and nothing will be.
    Canceled,
}

/// The state of an order's delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "UpdatedDelivery")]
enum Delivery {
    /// The delivery is not planned yet.
    Pending,
    /// The time of arrival is estimated.
    Estimated,
    /// The carrier has the parcel.
    Started,
    /// The parcel has reached its customer.
    Delivered,
    /// The order will not arrive.
    Canceled,
}

/// What happened to an order. Updates may arrive out of order; sort them by `at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "OrderUpdate")]
pub struct Update {
    /// What happened, named as in `GET /orders/{id}/events`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When the order's event occurred.
    at: Timestamp,
    /// The order's new status, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// The payment's new status, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Payment>,
    /// The delivery's new status, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery>,
    /// When the order should arrive; only for `DeliveryEstimated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_by: Option<Timestamp>,
}

/// The claims of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "OrderUpdateClaims")]
pub struct Claims {
    /// The issuer, always `chorus`.
    iss: &'static str,
    /// The order's id.
    sub: OrderId,
    /// The update's id, which stays the same if the update is delivered twice.
    jti: Uuid,
    /// When the order's event occurred, in seconds since the Unix epoch.
    iat: i64,
    /// When the token expires, in seconds since the Unix epoch. The token stays valid for more than
    /// a day after the event, because a failed call is retried for a day.
    exp: i64,
    update: Update,
}

impl Claims {
    pub(crate) const fn order_id(&self) -> &OrderId {
        &self.sub
    }

    /// Returns the token claims of the update that tells the front end about the event in
    /// `input`. The event occurred at the time `at`.
    pub(crate) fn of(input: &SignUpdateInput, at: Timestamp) -> Self {
        let (order_id, update) = order_and_update(input, at);
        let named = format!("{order_id} {}", update.kind);
        let iat = at.as_second();
        Self {
            iss: ISSUER,
            jti: derived_id("order-update", &named, 0),
            sub: order_id,
            iat,
            exp: iat.saturating_add(LIFETIME),
            update,
        }
    }
}

/// The body that the bus posts to the front end.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "SignedOrderUpdate")]
#[allow(dead_code, reason = "the event's own type is what is sent; this one describes it")]
pub struct Posted {
    /// The order's id, which the token has as well.
    order_id: OrderId,
    /// The update: a JSON Web Token, signed by HMAC-SHA256 with the secret of the front end.
    #[schemars(schema_with = "token")]
    signed_update: String,
}

fn token(generator: &mut SchemaGenerator) -> Schema {
    let claims = generator.subschema_for::<Claims>();
    let header = json_schema!({ "const": { "typ": TOKEN_TYPE, "alg": "HS256" } });
    json_schema!({
        "type": "string",
        "contentMediaType": "application/jwt",
        "contentSchema": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "prefixItems": [header, claims],
            "items": { "type": "object" },
        },
    })
}

/// Returns the order that the event is about, and the update.
fn order_and_update(input: &SignUpdateInput, at: Timestamp) -> (OrderId, Update) {
    let plain =
        |kind| Update { kind, at, status: None, payment: None, delivery: None, deliver_by: None };
    let (order_id, update) = match input {
        SignUpdateInput::OrderCreated(event) => {
            let (status, payment) = (Some(Status::Open), Some(Payment::Pending));
            let delivery = Some(Delivery::Pending);
            (&event.order_id, Update { status, payment, delivery, ..plain("OrderCreated") })
        }
        SignUpdateInput::DeliveryEstimated(event) => {
            let (delivery, deliver_by) = (Some(Delivery::Estimated), Some(event.deliver_by));
            (&event.order_id, Update { delivery, deliver_by, ..plain("DeliveryEstimated") })
        }
        SignUpdateInput::ReviewRequested(event) => {
            let payment = Some(Payment::InReview);
            (&event.order_id, Update { payment, ..plain("ReviewRequested") })
        }
        SignUpdateInput::ConfirmationRequired(event) => {
            let payment = Some(Payment::AwaitingConfirmation);
            (&event.order_id, Update { payment, ..plain("ConfirmationRequired") })
        }
        SignUpdateInput::PaymentAuthorized(event) => {
            let payment = Some(Payment::Authorized);
            (&event.order_id, Update { payment, ..plain("PaymentAuthorized") })
        }
        SignUpdateInput::PaymentMade(event) => {
            let payment = Some(Payment::Paid);
            (&event.order_id, Update { payment, ..plain("PaymentMade") })
        }
        SignUpdateInput::DeliveryStarted(event) => {
            let delivery = Some(Delivery::Started);
            (&event.order_id, Update { delivery, ..plain("DeliveryStarted") })
        }
        SignUpdateInput::OrderDelivered(event) => {
            let (status, delivery) = (Some(Status::Delivered), Some(Delivery::Delivered));
            (&event.order_id, Update { status, delivery, ..plain("OrderDelivered") })
        }
        SignUpdateInput::OrderCanceled(event) => {
            let (status, delivery) = (Some(Status::Canceled), Some(Delivery::Canceled));
            (&event.order_id, Update { status, delivery, ..plain("OrderCanceled") })
        }
        SignUpdateInput::PaymentCanceled(event) => {
            let went_back = event.refunded > Money::ZERO;
            let payment = Some(if went_back { Payment::Refunded } else { Payment::Canceled });
            (&event.order_id, Update { payment, ..plain("PaymentCanceled") })
        }
    };
    (order_id.clone(), update)
}
