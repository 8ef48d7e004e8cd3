//! The webhook to which the payment provider posts notices. A notice is accepted only if it is
//! signed and recent.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::table::rows;
use chorus_http::{Endpoint, Method, Parameter, Problem, Request, Response, Route, command};
use chorus_kernel::{Failure, Kernel, Message, derived_id};
use chorus_webhook_signature::{
    STRIPE_SIGNATURE_HEADER, SecretSource, Signed, Unverified, Verifier,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::hear_provider::{HearProvider, is_about};
use crate::notice::{NoticeContent, StripeEvent, confirmed};
use crate::{Payment, PaymentProvider, Status};

/// The response to a notice that was accepted, or that the shop ignores.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Received {
    /// Always true.
    received: bool,
}

/// `POST /webhooks/payments`.
pub(crate) fn post_payments(
    provider: Arc<dyn PaymentProvider>,
    secrets: Arc<dyn SecretSource>,
) -> Route {
    let endpoint = WebhookEndpoint { provider, verifier: Verifier::new(secrets) };
    let signature = "`t=` and seconds since the Unix epoch, and `v1=` and hex of the HMAC-SHA256 of \
                     `t.body`, once for each secret";
    Route::of::<rows::HearProvider>(Method::POST, "/webhooks/payments", endpoint)
        .summary("A signed notice of the payment provider, as Stripe sends them", 200)
        .takes(StripeEvent::sample)
        .answers::<Received>()
        .parameters(&[Parameter::header(STRIPE_SIGNATURE_HEADER, signature)])
}

struct WebhookEndpoint {
    provider: Arc<dyn PaymentProvider>,
    verifier: Verifier,
}

#[async_trait]
impl Endpoint for WebhookEndpoint {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        verify(&self.verifier, request, kernel.clock.now().as_second()).await?;
        let event: StripeEvent = request.json()?;
        let received = Response::json(200, json!(Received { received: true }));
        let Some(content) = event.content() else { return Ok(received) };
        if is_known(kernel, &content).await? {
            return Ok(received);
        }
        let notice = confirmed(content, &*self.provider).await.map_err(|error| {
            tracing::warn!(
                %error,
                event = event.id,
                "a notice was answered with 503, because the payment provider could not confirm it: \
                 the provider will send the notice again"
            );
            Failure::later("OutcomeUnknown", "the payment provider cannot be asked now")
        })?;
        if let Some(notice) = notice {
            let message = once(command(kernel, request, &notice)?, &event)?;
            kernel.run(&HearProvider, &message).await?;
        }
        Ok(received)
    }
}

/// Whether the shop can ignore this notice, because the notice is about no payment of the shop, or
/// because the payment already has the charge's result. Most payments have this result, from the
/// provider's answer to the request to charge. An authorized payment has a result, too, but the
/// provider may still cancel the payment intent, and the shop must not ignore a cancellation.
async fn is_known(kernel: &Kernel, content: &NoticeContent) -> Result<bool, Problem> {
    let (NoticeContent::Concluded { intent, order_id }
    | NoticeContent::Canceled { intent, order_id }) = content
    else {
        return Ok(false);
    };
    let is_canceled = matches!(content, NoticeContent::Canceled { .. });
    let Some(order_id) = order_id else { return Ok(true) };
    let Some(payment) = kernel.find::<Payment>(order_id).await? else { return Ok(true) };
    let status = payment.value.status;
    let has_result = matches!(status, Status::Charged | Status::Failed)
        || (status == Status::Authorized && !is_canceled);
    Ok(has_result || !is_about(&payment.value, &intent.0))
}

/// Rejects a notice that the provider did not sign, or signed too long ago. The response does not
/// give the reason, which would help only a forger.
async fn verify(verifier: &Verifier, request: &Request, now: i64) -> Result<(), Problem> {
    let unauthorized = || {
        Problem::new(
            401,
            "unauthorized",
            "the request has no valid and recent signature of the payment provider",
        )
    };
    let signature = request.header(STRIPE_SIGNATURE_HEADER).ok_or_else(unauthorized)?;
    match verifier.verify(&Signed::by_stripe(signature, &request.body), now).await {
        Ok(()) => Ok(()),
        Err(Unverified::Signature(_)) => Err(unauthorized()),
        Err(Unverified::Secret(error)) => {
            tracing::error!(
                %error,
                "no notice of the payment provider can be verified: the secret cannot be read"
            );
            Err(Failure::later("NoSecret", "webhooks cannot be verified now").into())
        }
    }
}

/// Gives the message an idempotency key that derives from the event's id. So each event takes
/// effect once, even if a repeated delivery of the event has other content.
fn once(message: Message, event: &StripeEvent) -> Result<Message, Problem> {
    let key = derived_id("PaymentNotice", &event.id, 0).simple().to_string();
    let mut once = message;
    once.metadata.event_id = derived_id("command PaymentNotice", &key, 0);
    once.metadata.idempotency_key = key;
    let unwritable = |error| Failure::unwritable("command", &error);
    once.fingerprinted = Some(to_raw_value(&event.id).map_err(unwritable)?);
    Ok(once)
}
