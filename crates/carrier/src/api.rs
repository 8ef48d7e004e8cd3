//! The carrier's API. Callers send the header `x-api-key`. The body of a request that hands in or
//! recalls a parcel is the data of one of the shop's events.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use chorus_events::delivery::{DeliveryMarkedAsStarted, DeliveryWasCanceled};
use chorus_http::Problem;
use chorus_kernel::Failure;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Acceptance, Carrier, Parcel, Recall};

/// `POST /deliveries` accepts a parcel; the body is the data of `DeliveryMarkedAsStarted`.
/// `POST /recalls` calls a parcel back; the body is the data of `DeliveryWasCanceled`.
/// `GET /deliveries` lists the accepted parcels, and `POST /repetitions` makes the carrier repeat
/// its latest callback about each of these parcels.
pub fn router(carrier: Arc<Carrier>) -> Router {
    Router::new()
        .route("/deliveries", post(accept).get(list))
        .route("/recalls", post(recall))
        .route("/repetitions", post(repeat))
        .with_state(carrier)
}

type Answer = (StatusCode, Json<Value>);

/// An error response whose body is a problem details object.
type Refused = (StatusCode, [(HeaderName, &'static str); 1], String);

async fn accept(
    State(carrier): State<Arc<Carrier>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, Refused> {
    let parcel: DeliveryMarkedAsStarted = read(&carrier, &headers, &body)?;
    let key = header(&headers, "idempotency-key").unwrap_or(parcel.order_id.as_str());
    let status = match carrier.accept(&parcel, key).await.map_err(broken)? {
        Acceptance::Accepted => StatusCode::ACCEPTED,
        Acceptance::Known => StatusCode::OK,
        Acceptance::Unavailable => {
            return Err(problem(&Problem::new(
                503,
                "unavailable",
                "the carrier is not accepting parcels at the moment; retry later",
            )));
        }
    };
    Ok((status, Json(json!({ "order-id": parcel.order_id }))))
}

async fn recall(
    State(carrier): State<Arc<Carrier>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, Refused> {
    let DeliveryWasCanceled { order_id, .. } = read(&carrier, &headers, &body)?;
    let recalled = match carrier.recall(&order_id).await.map_err(broken)? {
        Recall::Done => true,
        Recall::TooLate => false,
        Recall::Refused => {
            let detail = "the parcel cannot be recalled at the moment; retry later";
            return Err(problem(&Problem::new(422, "refused", detail)));
        }
    };
    Ok((StatusCode::OK, Json(json!({ "order-id": order_id, "recalled": recalled }))))
}

#[derive(Deserialize)]
struct Listed {
    since: Timestamp,
    #[serde(default)]
    after: Option<String>,
}

async fn list(
    State(carrier): State<Arc<Carrier>>,
    headers: HeaderMap,
    Query(Listed { since, after }): Query<Listed>,
) -> Result<Answer, Refused> {
    admitted(&carrier, &headers)?;
    let (parcels, next) = carrier.accepted(since, after.as_deref()).await.map_err(broken)?;
    let parcel = |it: &Parcel| json!({ "order-id": it.order_id, "handle": it.handle });
    let deliveries: Vec<Value> = parcels.iter().map(parcel).collect();
    Ok((StatusCode::OK, Json(json!({ "deliveries": deliveries, "next": next }))))
}

#[derive(Deserialize)]
struct Repeated {
    since: Timestamp,
}

async fn repeat(
    State(carrier): State<Arc<Carrier>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, Refused> {
    let Repeated { since } = read(&carrier, &headers, &body)?;
    carrier.report_again(since).await.map_err(broken)?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "since": since }))))
}

/// Refuses a request without the right API key.
fn admitted(carrier: &Carrier, headers: &HeaderMap) -> Result<(), Refused> {
    if carrier.admits(header(headers, "x-api-key").unwrap_or_default()) {
        return Ok(());
    }
    Err(problem(&Problem::new(401, "unauthorized", "x-api-key is missing or wrong")))
}

/// Parses the body of a request. Refuses a request without the right API key.
fn read<T: DeserializeOwned>(
    carrier: &Carrier,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Refused> {
    admitted(carrier, headers)?;
    serde_json::from_slice(body).map_err(|error| {
        problem(&Problem::new(
            400,
            "malformed",
            format!("the body is not what this route expects: {error}"),
        ))
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

fn broken(failure: Failure) -> Refused {
    problem(&failure.into())
}

fn problem(problem: &Problem) -> Refused {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/problem+json")], json!(problem).to_string())
}
