//! The route from which the carrier fetches a parcel's address. The bus cannot decrypt an address,
//! so its calls to the carrier do not contain the address.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::commands::ShowAddress as Command;
use chorus_events::table::rows;
use chorus_events::{OrderId, PostalAddress};
use chorus_http::{Endpoint, Method, Problem, Request, Response, Route, command};
use chorus_kernel::Kernel;
use chorus_table::{Event, Handle};
use chorus_webhook_signature::{
    ID_HEADER, SIGNATURE_HEADER, SecretSource, SignatureError, Verifier,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Delivery;
use crate::show_address::ShowAddress;
use crate::webhook::{signature, verify};

/// The parcel whose address the carrier requests. Unknown fields are rejected, so that this route
/// does not accept a body that the carrier signed for `/webhooks/logistics`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "ShowAddress")]
struct Parcel {
    order_id: OrderId,
    handle: Handle,
}

impl Parcel {
    fn example() -> Self {
        let Command { order_id, handle } = Command::sample();
        Self { order_id, handle }
    }
}

/// The address that a parcel goes to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Destination {
    order_id: OrderId,
    shipping_address: PostalAddress,
}

/// `POST /webhooks/address`.
pub(crate) fn post_address(secrets: Arc<dyn SecretSource>) -> Route {
    let endpoint = AddressEndpoint { verifier: Verifier::new(secrets) };
    Route::of::<rows::ShowAddress>(Method::POST, "/webhooks/address", endpoint)
        .summary(
            "The address of a parcel that the carrier has; answers one request, and its repetitions",
            200,
        )
        .takes(Parcel::example)
        .answers::<Destination>()
        .parameters(&signature())
}

struct AddressEndpoint {
    verifier: Verifier,
}

#[async_trait]
impl Endpoint for AddressEndpoint {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        // A request in the format of earlier releases is rejected. That format does not sign the
        // request's id, so a copy of the request with another id would be valid.
        if request.header(SIGNATURE_HEADER).is_none() {
            let missing = SignatureError::Missing(SIGNATURE_HEADER).to_string();
            return Err(Problem::new(401, "unauthorized", missing));
        }
        verify(&self.verifier, request, kernel.clock.now().as_second()).await?;
        let Parcel { order_id, handle } = request.json()?;
        let asked = Command { order_id, handle };
        let Some(id) = request.header(ID_HEADER) else {
            return Err(Problem::field(
                400,
                ID_HEADER,
                "must be given: an id of this request, the same at every attempt",
            ));
        };
        // The idempotency key derives from the request's id. So a carrier that lost the response
        // repeats the request with the same id, and gets the same response.
        let mut message = command(kernel, request, &asked)?;
        message.metadata.idempotency_key = format!("address {id}");
        let delivery = match kernel.run_and_show(&ShowAddress, &message).await? {
            (_, Some(shown)) => shown.delivery,
            (_, None) => kernel.find::<Delivery>(&asked.order_id).await?,
        };
        let plan = delivery.and_then(|found| found.value.plan);
        let gone = || Problem::new(410, "gone", "the customer was forgotten");
        let plan = plan.ok_or_else(gone)?;
        let people = kernel.people();
        let address = people
            .open(plan.customer_id.as_str(), |opener| {
                plan.shipping_address.opened(|text| opener.text(text))
            })
            .await?;
        tracing::info!(order_id = %asked.order_id, "the carrier got the address of a parcel");
        let destination =
            Destination { order_id: asked.order_id, shipping_address: address.ok_or_else(gone)? };
        Ok(Response::json(200, json!(destination)))
    }
}
