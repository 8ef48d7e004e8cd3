//! The contract as an OpenAPI document: the requests that the shop sends to a carrier's API, and
//! the requests that a carrier sends to the shop's webhook.

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

/// The secret that signs the test vectors, and nothing else.
const TEST_SECRET: &str = "a-secret-of-the-test-vectors-only";

/// The timestamp of the test vectors, in seconds since the Unix epoch.
const TEST_TIME: i64 = 1_795_171_620;

/// Makes the OpenAPI document of the contract.
///
/// # Panics
/// Never: the contract's samples can be written as JSON.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Map::new();
    let parcel = add_schema::<DeliveryMarkedAsStarted>(&mut schemas, "Parcel");
    let recall = add_schema::<DeliveryWasCanceled>(&mut schemas, "Recall");
    let update = add_schema::<LogisticsUpdate>(&mut schemas, "ParcelUpdate");
    let asked = add_schema::<ShowAddress>(&mut schemas, "AddressRequest");
    let address = add_schema::<PostalAddress>(&mut schemas, "Address");
    let problem = add_schema::<Problem>(&mut schemas, "Problem");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chorus: the contract for carriers",
            "version": "1",
            "description": description(),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{
            "url": "https://{carrier}",
            "description": "The carrier's own address",
            "variables": { "carrier": { "default": "carrier.example" } },
        }],
        "security": [{ "key": [] }],
        "paths": {
            "/deliveries": { "get": listing(&problem), "post": operation(
                "deliver",
                "Fetch this parcel, and deliver it",
                "A parcel is taken once, however often it is handed in with the same `Idempotency-Key`. A parcel \
                 whose recall came first is answered by 2XX, and not fetched.",
                &parcel,
                &json!(DeliveryMarkedAsStarted::sample()),
                &problem,
            ) },
            "/recalls": { "post": operation(
                "recall",
                "Return this order's parcel, if you still can",
                "The parcel may be unknown: then it is not fetched if it is handed in later. Where it is too late, \
                 because the parcel was delivered, answer 2XX as well; `\"recalled\": false` in the body says so.",
                &recall,
                &json!(DeliveryWasCanceled::sample()),
                &problem,
            ) },
            "/repetitions": { "post": repetition(&problem) },
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

fn description() -> String {
    let attempts = API_DESTINATION.max_attempts;
    format!(
        "The shop calls the carrier's API at two paths, and the carrier reports by a webhook of the shop. \
         A shop in two regions needs the list of parcels and the repetition of reports as well, once one region takes \
         over from the other; other shops need neither, and a carrier without them answers 404 or 405. Readers ignore fields that they do not know. `chorus partners verify --carrier URL` tries all of it on a \
         carrier, and prints which rules it violates.\n\n\
         The shop waits five seconds for an answer. 429, 5XX and no answer are tried again, up to {attempts} times \
         within a day; any other answer but 2XX is final, and cancels the order."
    )
}

/// Adds the schema of `T` and its definitions to `schemas`. Returns a reference to the schema.
fn add_schema<T: JsonSchema>(schemas: &mut Map<String, Value>, name: &str) -> Value {
    // Several types contain the same definition. In the contract, a name always stands for the same
    // definition, so it does no harm to insert a definition again.
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
    schema: &Value,
    example: &Value,
    problem: &Value,
) -> Value {
    let body = json!({ "application/json": { "schema": schema, "example": example } });
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
            "2XX": { "description": "Accepted, by this request or an earlier one" },
            "401": unauthorized(problem),
            "4XX": { "description": "The request is wrong, and is not sent again; 429: try again later" },
            "5XX": { "description": "Try again later" },
        },
    })
}

/// Describes the request for the list of parcels. A region of the shop sends this request when it
/// takes over from the other region.
fn listing(problem: &Value) -> Value {
    let answer = json!({
        "type": "object",
        "properties": {
            "deliveries": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "order-id": { "type": "string" },
                    "handle": { "type": "string" },
                },
                "required": ["order-id"],
            } },
            "next": {
                "type": ["string", "null"],
                "description": "`after` of the next page; absent or null on the last one",
            },
        },
        "required": ["deliveries"],
    });
    let example = json!({
        "deliveries": [{ "order-id": "1073459984", "handle": "b1f0c2d34e5f60718293a4b5c6d7e8f9" }],
        "next": null,
    });
    let query = |name: &str, required: bool, description: &str, format: Value| {
        json!({
            "name": name, "in": "query", "required": required, "description": description,
            "schema": format,
        })
    };
    let time = json!({ "type": "string", "format": "date-time" });
    json!({
        "operationId": "list",
        "summary": "The parcels that you have accepted since a time, in whatever state they are",
        "description": "For shops in two regions. A parcel is in the list as soon as its request is answered. A parcel that was \
             recalled before it was handed in may be left out.",
        "parameters": [
            query("since", true, "The earliest time of acceptance", time),
            query("after", false, "`next` of the previous page", json!({ "type": "string" })),
        ],
        "responses": {
            "200": {
                "description": "A page of the list",
                "content": { "application/json": { "schema": answer, "example": example } },
            },
            "401": unauthorized(problem),
            "404": { "description": "The carrier has no list" },
            "5XX": { "description": "Try again later" },
        },
    })
}

/// Describes the request to repeat reports. A region of the shop sends this request when it takes
/// over, because the other region may have lost some reports.
fn repetition(problem: &Value) -> Value {
    let body = json!({
        "type": "object",
        "properties": { "since": { "type": "string", "format": "date-time" } },
        "required": ["since"],
    });
    let example = json!({ "since": "2026-11-30T08:00:00Z" });
    json!({
        "operationId": "repeat",
        "summary": "Repeat the latest report of each parcel that you have accepted since a time",
        "description": "For shops in two regions. The id of a repeated report is that of the first one.",
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": body, "example": example } },
        },
        "responses": {
            "2XX": { "description": "The reports will be repeated" },
            "401": unauthorized(problem),
            "404": { "description": "The carrier does not repeat reports" },
            "5XX": { "description": "Try again later" },
        },
    })
}

/// Describes the response to a request that lacks the carrier's key.
fn unauthorized(problem: &Value) -> Value {
    json!({
        "description": "`x-api-key` is missing or wrong",
        "content": { "application/problem+json": { "schema": problem } },
    })
}

pub(super) fn example_address() -> PostalAddress {
    PostalAddress {
        name: "Maria Anders".to_owned(),
        street: "Obere Str. 57".to_owned(),
        city: "Berlin".to_owned(),
        postal_code: Some("12209".to_owned()),
        country: "DE".to_owned(),
    }
}

/// Describes the headers of a signed request. `named` describes the header that holds the request's
/// id.
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
        "summary": "Ask for the address of a parcel",
        "description": "The parcel that the shop hands in has its address in encrypted form only. The carrier asks for the address \
             at `/webhooks/address`, beside `/webhooks/logistics`, and signs this request as it signs a report. The \
             shop answers one request for a parcel, and its repetitions under the same id.",
        "security": [],
        "parameters": signature("Names this request: the same at every attempt"),
        "requestBody": { "required": true, "content": { "application/json": body } },
        "responses": {
            "200": { "description": "The address of the parcel", "content": shown },
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
        "summary": "Report what has happened to a parcel: picked up, delivered, or given up",
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
            "202": { "description": "Accepted, by this request or an earlier one" },
            "401": { "description": "The signature does not match, or the timestamp is too old or too new" },
            "404": { "description": "No parcel has this handle" },
            "409": { "description": "It is too late for this report; an operator has been alerted" },
            "4XX": { "description": "The request is wrong, and is not sent again; 429: try again later" },
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
