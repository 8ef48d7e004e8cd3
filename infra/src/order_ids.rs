//! The secret from which ids of new orders are derived. The stack generates it.

use chorus_events::services;
use chorus_table::Service;
use chorus_template::constructs::{Construct, GeneratedSecret, Resource};
use chorus_template::intrinsics::substitute;
use serde_json::Value;

/// The logical id of the secret.
const SECRET: &str = "OrderIdSecret";

pub(crate) fn resource() -> (&'static str, Resource) {
    let description = "The ids of new orders are derived with this";
    (SECRET, GeneratedSecret { description, condition: None, given: None }.resource())
}

/// The environment variable with the secret, for the function that creates orders.
pub(crate) fn variable() -> (Service, String, Value) {
    let secret = substitute(format!("{{{{resolve:secretsmanager:${{{SECRET}}}}}}}"));
    (services::ORDER, "ORDER_ID_SECRET".to_owned(), secret)
}
