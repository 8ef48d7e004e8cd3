//! The carrier's webhook: accepted only if it is signed and recent.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate};
use chorus_events::delivery::ErrorDeliveryWasDelivered;
use chorus_events::table::rows;
use chorus_events::{OrderId, is_plain_text};
use chorus_http::{Endpoint, Method, Parameter, Problem, Request, Response, Route, command};
use chorus_kernel::{Failure, Kernel, Message, derived_id};
use chorus_table::Event;
use chorus_webhook_signature::{
    ID_HEADER, SIGNATURE_HEADER, SecretSource, Signed, TIMESTAMP_HEADER, Unverified, Verifier,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::relay_logistics::RelayLogistics;

/// The detail type of the event about a parcel that was delivered although the delivery had been
/// canceled.
const TOO_LATE: &str = ErrorDeliveryWasDelivered::SPEC.detail_type;

/// The maximum length of the reason that the carrier gives, in characters.
const MAX_REASON: usize = 1_000;

/// The response to an accepted webhook.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Accepted {
    /// The order's id.
    order_id: OrderId,
    /// The status that the carrier reported.
    status: LogisticsStatus,
}

/// `POST /webhooks/logistics`.
pub(crate) fn post_logistics(secrets: Arc<dyn SecretSource>) -> Route {
    Route::of::<rows::RelayLogistics>(
        Method::POST,
        "/webhooks/logistics",
        WebhookEndpoint { verifier: Verifier::new(secrets) },
    )
    .summary("A signed callback of the carrier about a parcel", 202)
    .takes(LogisticsUpdate::sample)
    .answers::<Accepted>()
    .parameters(&signature())
}

/// The headers of a signed request.
pub(crate) fn signature() -> [Parameter; 3] {
    [
        Parameter::header(ID_HEADER, "An id of this request, the same at every attempt"),
        Parameter::header(TIMESTAMP_HEADER, "Time of signing: seconds since the Unix epoch"),
        Parameter::header(
            SIGNATURE_HEADER,
            "`v1,` and base64 of the HMAC-SHA256 of `id.timestamp.body`",
        ),
    ]
}

struct WebhookEndpoint {
    verifier: Verifier,
}

#[async_trait]
impl Endpoint for WebhookEndpoint {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        verify(&self.verifier, request, kernel.clock.now().as_second()).await?;
        let update: LogisticsUpdate = request.json()?;
        if update.reason.as_ref().is_some_and(|reason| !is_plain_text(reason, MAX_REASON)) {
            let rule = format!("must be 1 to {MAX_REASON} characters of plain text");
            return Err(Problem::field(422, "/reason", rule));
        }
        let message = once(command(kernel, request, &update)?, &update)?;
        let answered = kernel.run(&RelayLogistics, &message).await?;
        if answered.entries.iter().any(|entry| entry.detail_type == TOO_LATE) {
            let why = format!(
                "the delivery of order {} was canceled before; an operator has been alerted",
                update.order_id
            );
            return Err(Problem::new(409, "too-late", why));
        }
        let accepted = Accepted { order_id: update.order_id, status: update.status };
        Ok(Response::json(202, serde_json::json!(accepted)))
    }
}

/// Rejects a webhook that the carrier did not sign, or whose time of signing is too far from `now`,
/// in seconds since the Unix epoch.
pub(crate) async fn verify(
    verifier: &Verifier,
    request: &Request,
    now: i64,
) -> Result<(), Problem> {
    let unauthorized = |why: String| Problem::new(401, "unauthorized", why);
    let webhook = Signed::of(|name| request.header(name), &request.body)
        .map_err(|error| unauthorized(error.to_string()))?;
    match verifier.verify(&webhook, now).await {
        Ok(()) => Ok(()),
        Err(Unverified::Signature(error)) => Err(unauthorized(error.to_string())),
        Err(Unverified::Secret(error)) => {
            tracing::error!(%error, "no webhook can be verified: the secret cannot be read");
            Err(Failure::later("NoSecret", "webhooks cannot be verified now").into())
        }
    }
}

/// Derives the message's idempotency key from the parcel and the reported status. So each status of
/// a parcel takes effect once, even if a repeated webhook has another id, reason or tracking
/// number.
fn once(message: Message, update: &LogisticsUpdate) -> Result<Message, Problem> {
    let LogisticsUpdate { order_id, handle, status, .. } = update;
    let reported = json!({ "order-id": order_id, "handle": handle, "status": status });
    let key = derived_id("LogisticsUpdate", &reported.to_string(), 0);
    let mut once = message;
    once.metadata.event_id = derived_id("command LogisticsUpdate", &key.simple().to_string(), 0);
    once.metadata.idempotency_key = key.simple().to_string();
    let unwritable = |error| Failure::unwritable("command", &error);
    once.fingerprinted = Some(to_raw_value(&reported).map_err(unwritable)?);
    Ok(once)
}
