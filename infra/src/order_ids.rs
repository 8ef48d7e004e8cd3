//! The secret from which ids of new orders are derived. The stack generates the secret, and the
//! function that creates orders reads it.

use chorus_events::services;
use chorus_template::constructs::{Construct, GeneratedSecret, Resource};

use crate::stack_secret::StackSecret;

pub(crate) const SECRET: StackSecret = StackSecret {
    id: "OrderIdSecret",
    service: services::ORDER,
    variable: "ORDER_ID_SECRET_ARN",
    sid: "ReadOrderIdSecret",
    condition: None,
};

pub(crate) fn resource() -> (&'static str, Resource) {
    let description = "The secret from which the ids of new orders are derived";
    (SECRET.id, GeneratedSecret { description, condition: None, given: None }.resource())
}
