//! A carrier that is simulated: a partner company with an API of its own, which takes parcels,
//! loses some, and calls back through the shop's signed webhook.
//!
//! It stands outside of the shop and imports none of its services. Its parcels are durable, so that
//! a restart goes on calling back. The customer's id selects its behaviour:
//!
//! | customer id contains | what the carrier does |
//! |---|---|
//! | nothing of the below | picks the parcel up, then delivers it |
//! | `carrier-cancels` | picks the parcel up, then gives up: "the parcel was damaged" |
//! | `carrier-down` | answers every request with 503 |
//! | `carrier-flaky` | answers the first two requests of each key with 503, then works |
//! | `carrier-slow` | takes its time to answer, then works |
//! | `carrier-twice` | makes every callback twice |
//! | `carrier-silent` | takes the parcel, and never calls back |
//! | `carrier-refuses-recall` | the same, and refuses the first recall with 422: a dead letter |

mod api;
mod behaviour;
mod carrier;
mod config;
pub mod contract;
mod parcel;
mod parcels;
mod webhook;

pub use api::router;
pub use carrier::{Acceptance, Carrier, Recall};
pub use config::{ApiKey, CarrierConfig};
pub use parcel::{Parcel, Status};
pub use parcels::CARRIER_TABLE;
pub use webhook::{Callback, HttpWebhook, NotAccepted, Webhook, address_request, says_address};
