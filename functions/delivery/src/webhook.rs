//! The carrier's webhook: believed only where it is signed and fresh.

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate};
use chorus_events::delivery::ErrorDeliveryWasDelivered;
use chorus_events::table::rows;
use chorus_http::{Endpoint, Method, Parameter, Problem, Request, Response, Route, command};
use chorus_kernel::{Kernel, derived_id};
use chorus_table::Event;
use chorus_webhook_signature::{SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER, WebhookSecret};
use schemars::JsonSchema;
use serde::Serialize;

use crate::relay_logistics::RelayLogistics;

/// The header by which the carrier marks a repeated webhook.
const KEY_HEADER: &str = "idempotency-key";

/// The event about a parcel that was delivered although it had been canceled.
const TOO_LATE: &str = ErrorDeliveryWasDelivered::SPEC.detail_type;

/// What was accepted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Accepted {
    /// Of which order.
    order_id: OrderId,
    /// The carrier's callback.
    status: LogisticsStatus,
}

/// `POST /webhooks/logistics`.
pub(crate) fn post_logistics(secret: WebhookSecret) -> Route {
    Route::of::<rows::RelayLogistics>(
        Method::POST,
        "/webhooks/logistics",
        WebhookEndpoint { secret },
    )
    .summary("A signed callback of the carrier about a parcel", 202)
    .takes(LogisticsUpdate::sample)
    .answers::<Accepted>()
    .parameters(&[
        Parameter::header(TIMESTAMP_HEADER, "When it was signed: seconds since the Unix epoch")
            .required(),
        Parameter::header(SIGNATURE_HEADER, "HMAC-SHA256 of `timestamp.body`, in hex").required(),
        Parameter {
            meaning: "Names this webhook; by default its order and status",
            ..Parameter::KEY
        },
    ])
}

struct WebhookEndpoint {
    secret: WebhookSecret,
}

#[async_trait]
impl Endpoint for WebhookEndpoint {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        verify(request, &self.secret, kernel.clock.now().as_second())?;
        let update: LogisticsUpdate = request.json()?;
        let message = command(kernel, &with_key(request, &update), &update)?;
        let answered = kernel.run(&RelayLogistics, &message).await?;
        if answered.entries.iter().any(|entry| entry.detail_type == TOO_LATE) {
            let why = format!(
                "order {} is already canceled; an operator has been alerted",
                update.order_id
            );
            return Err(Problem::new(409, "too-late", why));
        }
        let accepted = Accepted { order_id: update.order_id, status: update.status };
        Ok(Response::json(202, serde_json::json!(accepted)))
    }
}

fn verify(request: &Request, secret: &WebhookSecret, now: i64) -> Result<(), Problem> {
    let header = |name| {
        let missing = || unauthorized(&format!("the header {name} is missing"));
        request.header(name).ok_or_else(missing)
    };
    let (timestamp, signature) = (header(TIMESTAMP_HEADER)?, header(SIGNATURE_HEADER)?);
    let signed = Signed { timestamp, signature, body: &request.body };
    signed.verify(secret, now).map_err(|error| unauthorized(&error.to_string()))
}

fn unauthorized(why: &str) -> Problem {
    Problem::new(401, "unauthorized", why)
}

/// The request with a key: the carrier's own, or one that repeats with the order and the status.
fn with_key(request: &Request, update: &LogisticsUpdate) -> Request {
    let mut request = request.clone();
    if request.header(KEY_HEADER).is_none() {
        let said = format!("{} {:?}", update.order_id, update.status);
        let key = derived_id("LogisticsUpdate", &said, 0).simple().to_string();
        request.headers.insert(KEY_HEADER.to_owned(), key);
    }
    request
}
