//! The shop's own front end, to which the bus posts signed updates of orders.

use std::path::Path;

use chorus_events::storefront::OrderUpdated;
use chorus_http::{SecretError, Webhook, kept_text_secret};
use chorus_local::Endpoint;
use chorus_storefront::{FrontEndSecret, Posted};
use chorus_table::{Event, schema_of};
use serde_json::json;

/// The file in a shop's data directory whose text is the secret that signs updates.
pub const FRONT_END_SECRET_FILE: &str = "front-end-secret";

/// The secret that signs the updates of a shop without a data directory.
pub const FRONT_END_SECRET: &str = "a-front-end-secret-for-this-laptop-only";

/// The action for which the bus calls the front end.
pub(crate) const SENDS_UPDATES: &str = "SendUpdate";

/// The path, below the front end's address, to which updates are posted.
pub const UPDATES_PATH: &str = "order-updates";

/// The API key that the bus sends to the front end on a laptop. The front end needs no real key:
/// the signature shows that an update comes from the shop.
const NO_KEY: &str = "not-set";

/// The webhook of the front end, for the API's documentation.
pub(crate) const ORDER_UPDATES: Webhook = Webhook {
    name: UPDATES_PATH,
    summary: "An update about an order, if the shop has a front end",
    description: "Posted to `order-updates` below the front end's address. Use only the claims of \
                  `signed-update`, after verifying its signature, its `typ` and its `exp`. An \
                  update may arrive twice, with the same `jti`. Updates may arrive out of order: \
                  sort them by `at`.",
    schema: schema_of::<Posted>,
    example: || json!(OrderUpdated::sample()),
};

/// Returns the address to which the updates for the front end at `url` are posted.
pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(format!("{}/{UPDATES_PATH}", url.trim_end_matches('/')), NO_KEY)
}

/// Reads the secret that signs the updates of the shop in this directory, or makes a new secret if
/// there is none. Without a directory, returns a publicly known secret.
pub(crate) fn secret(data: Option<&Path>) -> Result<FrontEndSecret, SecretError> {
    let text = match data {
        Some(data) => kept_text_secret(data, FRONT_END_SECRET_FILE)?,
        None => FRONT_END_SECRET.to_owned(),
    };
    Ok(text.parse().expect("a kept secret has 32 bytes, and the laptop's is longer"))
}
