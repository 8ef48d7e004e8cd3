//! Refunds charges that the payment provider made for an order and that the shop has not recorded.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chorus_events::OrderId;
use chorus_http::Caller;
use chorus_payment::ProviderError;
use serde::Deserialize;
use serde_json::json;

use super::{OperatorApi, Refused};
use crate::unrecorded::{self, RefundedCharge};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OfOrder {
    order_id: OrderId,
}

/// Refunds those of an order's charges that the shop has not recorded. The provider refunds each
/// charge only once, even if the operator repeats the request.
pub(super) async fn refund(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(OfOrder { order_id }): Json<OfOrder>,
) -> Result<Json<Vec<RefundedCharge>>, Refused> {
    let provider = operator.partners.provider();
    let store = operator.local.store().as_ref();
    let intents = unrecorded::intents_of(store, &*provider, &order_id).await?;
    let intents = intents.map_err(|error| of_provider(&error))?;
    if intents.is_empty() {
        let what = format!(
            "the shop has recorded every charge that the provider made for order {order_id}"
        );
        return Err(Refused::unknown(what));
    }
    let begun = operator.begin(&by, "refund-unrecorded", json!({ "order-id": order_id })).await?;
    let refunds = unrecorded::refund(&*provider, &intents).await;
    let refunds = refunds.map_err(|error| of_provider(&error));
    Ok(Json(begun.end_with(store, refunds, |refunds| json!(refunds)).await?))
}

/// Returns the response to an operator if the provider refuses a request or does not answer it.
fn of_provider(error: &ProviderError) -> Refused {
    Refused(StatusCode::BAD_GATEWAY, error.to_string())
}
