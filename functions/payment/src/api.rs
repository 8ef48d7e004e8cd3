//! The routes of the Payment service.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_events::commands;
use chorus_events::table::rows;
use chorus_events::{Currency, CustomerId, Money, OrderId, Priced};
use chorus_http::{Endpoint, Method, Parameter, Problem, Request, Response, Route, command};
use chorus_kernel::Kernel;
use schemars::JsonSchema;
use serde::Serialize;

use crate::provider_action::{ByProvider, ProviderAction};
use crate::retry_refund::RetryRefund;
use crate::{Payment, PaymentProvider, Status};

/// A payment as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Payment")]
struct PaymentAnswer {
    /// The order that the payment is for.
    order_id: OrderId,
    /// The payment's status.
    status: Status,
    /// The customer who pays; absent until the delivery is estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    /// What the order costs; absent until the delivery is estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// How much was charged.
    charged: Money,
    /// How much was refunded.
    refunded: Money,
    /// The provider's id of the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<String>,
    /// Why the provider declined the charge or refused the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Payment> for PaymentAnswer {
    fn from(payment: Payment) -> Self {
        let Payment { order_id, status, customer_id, amount, .. } = payment;
        let Payment { charged, refunded, charge_id, reason, .. } = payment;
        Self { order_id, status, customer_id, amount, charged, refunded, charge_id, reason }
    }
}

/// `GET /payments/{order-id}`.
pub(crate) fn get_payment(currency: Currency) -> Route {
    Route::read("/payments/{order-id}", OWNER_OR_SHOP, Get { currency })
        .summary("An order's payment: what was charged, and what was refunded", 200)
        .answers::<Priced<PaymentAnswer>>()
}

/// `POST /payments/{order-id}/refund`.
pub(crate) fn retry_refund(provider: Arc<dyn PaymentProvider>, currency: Currency) -> Route {
    let endpoint = Retry { action: RetryRefund.by(provider), currency };
    Route::of::<rows::RetryRefund>(Method::POST, "/payments/{order-id}/refund", endpoint)
        .summary("Ask the payment provider again for a refund that it refused", 200)
        .answers::<Priced<PaymentAnswer>>()
        .parameters(&[Parameter::KEY])
}

struct Get {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        show(kernel, &request.parameter("order-id")?, self.currency).await
    }
}

async fn show(
    kernel: &Kernel,
    order_id: &OrderId,
    currency: Currency,
) -> Result<Response, Problem> {
    let found = kernel.find::<Payment>(order_id).await?;
    let missing =
        || Problem::new(404, "not-found", format!("no payment of order {order_id} is known"));
    let answer = PaymentAnswer::from(found.ok_or_else(missing)?.value);
    let customer = answer.customer_id.clone();
    let response = Response::json(200, serde_json::json!(Priced::new(answer, currency)));
    // Until the delivery is estimated, the payment's customer is not known, so the response has no
    // owner.
    let Some(customer) = customer else { return Ok(response) };
    Ok(response.of(customer))
}

struct Retry {
    action: ByProvider<RetryRefund>,
    currency: Currency,
}

#[async_trait]
impl Endpoint for Retry {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let order_id: OrderId = request.parameter("order-id")?;
        let message =
            command(kernel, request, &commands::RetryRefund { order_id: order_id.clone() })?;
        kernel.run_external(&self.action, &message).await?;
        show(kernel, &order_id, self.currency).await
    }
}
