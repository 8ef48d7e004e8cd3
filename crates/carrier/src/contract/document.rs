//! The contract as an OpenAPI document: the requests that the shop sends to a carrier's API, and
//! those that a carrier sends to the shop's webhook.

use chorus_events::PostalAddress;
use chorus_events::commands::{LogisticsUpdate, ShowAddress};
use chorus_events::delivery::{DeliveryMarkedAsStarted, DeliveryWasCanceled};
use chorus_http::Problem;
use chorus_table::policy::API_DESTINATION;
use chorus_table::{Event, schema_of};
use chorus_webhook_signature::{
    ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE_SECONDS, WebhookSecret, headers,
};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// The document's path, relative to the repository's root.
pub const CONTRACT_PATH: &str = "docs/carrier-openapi.json";

/// The secret of the test vectors, which is used for nothing else.
const TEST_SECRET: &str = "a-secret-of-the-test-vectors-only";

/// The timestamp of the test vectors, in seconds since the Unix epoch.
const TEST_TIME: i64 = 1_795_171_620;

/// Makes the document.
///
/// # Panics
/// Never: the contract's samples can be written as JSON.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Map::new();
    let parcel = keep::<DeliveryMarkedAsStarted>(&mut schemas, "Parcel");
    let recall = keep::<DeliveryWasCanceled>(&mut schemas, "Recall");
    let update = keep::<LogisticsUpdate>(&mut schemas, "ParcelUpdate");
    let asked = keep::<ShowAddress>(&mut schemas, "AddressRequest");
    let address = keep::<PostalAddress>(&mut schemas, "Address");
    let problem = keep::<Problem>(&mut schemas, "Problem");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chorus: the contract for carriers",
            "version": "1",
            "description": about(),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{
            "url": "https://{carrier}",
            "description": "The carrier's own address",
            "variables": { "carrier": { "default": "carrier.example" } },
        }],
        "security": [{ "key": [] }],
        "paths": {
            "/deliveries": { "post": operation(
                "deliver",
                "Fetch this parcel, and deliver it",
                "A parcel is taken once, however often it is handed in with the same `Idempotency-Key`. A parcel \
                 whose recall came first is answered by 2XX, and not fetched.",
                (&parcel, json!(DeliveryMarkedAsStarted::sample())),
                &problem,
            ) },
            "/recalls": { "post": operation(
                "recall",
                "Return this order's parcel, if you still can",
                "The parcel may be unknown: then it is not fetched if it is handed in later. Where it is too late, \
                 because the parcel was delivered, answer 2XX as well; `\"recalled\": false` in the body says so.",
                (&recall, json!(DeliveryWasCanceled::sample())),
                &problem,
            ) },
        },
        "webhooks": {
            "parcel-update": { "post": webhook(&update) },
            "parcel-address": { "post": address_webhook(&asked, &address) },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
        },
    })
}

fn about() -> String {
    let attempts = API_DESTINATION.max_attempts;
    format!(
        "The shop calls the carrier's API at two paths, and the carrier reports by a webhook of the shop. \
         Readers ignore fields that they do not know. `chorus partners verify --carrier URL` tries all of it on a \
         carrier, and says what it does wrong.\n\n\
         The shop waits five seconds for an answer. 429, 5XX and no answer are tried again, up to {attempts} times \
         within a day; any other answer but 2XX is final, and cancels the order."
    )
}

/// Adds the schema of `T` and its definitions, and returns a reference to it.
fn keep<T: JsonSchema>(schemas: &mut Map<String, Value>, name: &str) -> Value {
    // Definitions with the same name are equal, because all types belong to the contract.
    let text = schema_of::<T>().to_value().to_string();
    let text = text.replace("\"#/$defs/", "\"#/components/schemas/");
    let mut schema: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Value::Object(fields) = &mut schema {
        fields.remove("$schema");
        fields.insert("title".to_owned(), json!(name));
        if let Some(Value::Object(named)) = fields.remove("$defs") {
            schemas.extend(named);
        }
    }
    schemas.insert(name.to_owned(), schema);
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn operation(
    id: &str,
    summary: &str,
    description: &str,
    (schema, example): (&Value, Value),
    problem: &Value,
) -> Value {
    let body = json!({ "application/json": { "schema": schema, "example": example } });
    let why = json!({ "application/problem+json": { "schema": problem } });
    json!({
        "operationId": id,
        "summary": summary,
        "description": description,
        "parameters": [
            {
                "name": "Idempotency-Key", "in": "header", "required": true,
                "description": "Names the request: the same at every attempt",
                "schema": { "type": "string" },
            },
            {
                "name": "traceparent", "in": "header",
                "description": "W3C Trace Context", "schema": { "type": "string" },
            },
        ],
        "requestBody": { "required": true, "content": body },
        "responses": {
            "2XX": { "description": "It is taken, now or before" },
            "401": { "description": "`x-api-key` is missing or wrong", "content": why },
            "4XX": { "description": "It is wrong, and would be wrong again; 429: try again later" },
            "5XX": { "description": "Try again later" },
        },
    })
}

/// An address for examples.
pub(super) fn example_address() -> PostalAddress {
    PostalAddress {
        name: "Maria Anders".to_owned(),
        street: "Obere Str. 57".to_owned(),
        city: "Berlin".to_owned(),
        postal_code: Some("12209".to_owned()),
        country: "DE".to_owned(),
    }
}

/// The headers of a signed request.
fn signature(named: &str) -> Value {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" },
        })
    };
    json!([
        header(ID_HEADER, named),
        header(TIMESTAMP_HEADER, "When it was signed: whole seconds since the Unix epoch"),
        header(SIGNATURE_HEADER, "The signature"),
    ])
}

fn address_webhook(asked: &Value, address: &Value) -> Value {
    let body = json!({ "schema": asked, "example": ShowAddress::sample() });
    let answer = json!({
        "type": "object",
        "properties": { "order-id": { "type": "string" }, "shipping-address": address },
        "required": ["order-id", "shipping-address"],
    });
    let example = json!({ "order-id": "1073459984", "shipping-address": example_address() });
    let shown = json!({ "application/json": { "schema": answer, "example": example } });
    json!({
        "operationId": "address",
        "summary": "Where a parcel goes",
        "description": "Posted beside the reports, to `/webhooks/address`, and signed as they are, once the parcel was \
             handed in: what the shop hands in says the address only in encrypted form. One request is answered, and its repetitions \
             under the same id.",
        "security": [],
        "parameters": signature("Names this request: the same at every attempt"),
        "requestBody": { "required": true, "content": { "application/json": body } },
        "responses": {
            "200": { "description": "Where the parcel goes", "content": shown },
            "401": { "description": "The signature does not match, or the timestamp is too old or too new" },
            "404": { "description": "No parcel has this handle" },
            "409": { "description": "Another request was answered before, or the parcel is not on its way" },
            "410": { "description": "The customer was forgotten: the parcel cannot be delivered" },
            "5XX": { "description": "Try again later, under the same id" },
        },
    })
}

fn webhook(update: &Value) -> Value {
    let body = json!({ "schema": update, "example": LogisticsUpdate::sample() });
    json!({
        "operationId": "report",
        "summary": "What has become of a parcel: picked up, delivered, or given up",
        "description": format!(
            "Posted to the address that the shop's operator names, which ends in `/webhooks/logistics`. `handle` and \
             `order-id` are those of the parcel. The secret is handed over by the operator. The signature is `v1,` \
             and the base64 of the HMAC-SHA256 of `ID.TIMESTAMP.BODY`, byte for byte, under the secret's bytes, as in \
             Standard Webhooks; several signatures are separated by spaces. A timestamp that is more than \
             {TOLERANCE_SECONDS} seconds off is refused, so an attempt that comes later is signed anew, under the same id."
        ),
        "security": [],
        "parameters": signature("Names this report: the same at every attempt"),
        "requestBody": { "required": true, "content": { "application/json": body } },
        "responses": {
            "202": { "description": "It is taken, now or before" },
            "401": { "description": "The signature does not match, or the timestamp is too old or too new" },
            "404": { "description": "No parcel has this handle" },
            "409": { "description": "It is too late for this report; an operator has been alerted" },
            "4XX": { "description": "It is wrong, and would be wrong again; 429: try again later" },
            "5XX": { "description": "Try again later, with growing pauses, for a day at least" },
        },
        "x-signature-test-vectors": vectors(),
    })
}

/// Signed reports, as test vectors for implementations of the signature.
fn vectors() -> Vec<Value> {
    let secret: WebhookSecret = TEST_SECRET.parse().expect("the test secret is long enough");
    let update = json!(LogisticsUpdate::sample()).to_string();
    let bodies = [update.as_str(), "{}", "{\"reason\":\"zerstört\"}"];
    let vector = |(number, body): (usize, &str)| {
        let id = format!("report-{}", number + 1);
        let signed: Map<String, Value> = headers(&secret, &id, TEST_TIME, body.as_bytes())
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        json!({ "secret": TEST_SECRET, "body": body, "headers": signed })
    };
    bodies.into_iter().enumerate().map(vector).collect()
}
