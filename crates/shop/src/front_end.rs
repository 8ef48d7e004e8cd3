//! The shop's own front end, to which the bus posts signed updates of orders.

use std::path::Path;

use chorus_events::storefront::OrderUpdated;
use chorus_http::{SecretError, Webhook, kept_text_secret};
use chorus_local::Endpoint;
use chorus_storefront::{FrontEndSecret, Posted};
use chorus_table::{Event, schema_of};
use serde_json::json;

/// The file with the secret that signs updates, in a shop's data directory: the key is the file's
/// text.
pub const FRONT_END_SECRET_FILE: &str = "front-end-secret";

/// The secret that signs the updates of a shop in memory.
pub const FRONT_END_SECRET: &str = "a-front-end-secret-for-this-laptop-only";

/// The row for which the bus calls the front end.
pub(crate) const SENDS_UPDATES: &str = "SendUpdate";

/// The path, below the front end's address, that updates are posted to.
pub const UPDATES_PATH: &str = "order-updates";

/// The API key that the front end gets on a laptop. It needs none: the signature shows that an
/// update is the shop's.
const NO_KEY: &str = "not-set";

/// The webhook of the front end, for the API's documentation.
pub(crate) const ORDER_UPDATES: Webhook = Webhook {
    name: UPDATES_PATH,
    summary: "An update about an order, if the shop has a front end",
    description: "Posted to `order-updates` below the front end's address. Use only the claims of \
                  `signed-update`, after verifying its signature, its `typ` and its `exp`. An update may \
                  arrive twice, with the same `jti`, and after a later one: sort updates by `at`.",
    schema: schema_of::<Posted>,
    example: || json!(OrderUpdated::sample()),
};

/// Returns the address, below this front end's, that updates are posted to.
pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(format!("{}/{UPDATES_PATH}", url.trim_end_matches('/')), NO_KEY)
}

/// Reads the secret that signs the updates of the shop in this directory, or makes it if there is
/// none; without a directory, returns a publicly known one.
pub(crate) fn secret(data: Option<&Path>) -> Result<FrontEndSecret, SecretError> {
    let text = match data {
        Some(data) => kept_text_secret(data, FRONT_END_SECRET_FILE)?,
        None => FRONT_END_SECRET.to_owned(),
    };
    Ok(text.parse().expect("a kept secret has 32 bytes, and the laptop's is longer"))
}
