//! A simulated carrier: a partner company that accepts parcels by its API, and reports on them by
//! signed callbacks to the shop's webhook.
//!
//! The carrier is not part of the shop and imports none of its services. Parcels are stored
//! durably, so that callbacks continue after a restart. The customer's id selects the behaviour:
//!
//! | customer id contains | what the carrier does |
//! |---|---|
//! | none of these texts | picks the parcel up, then delivers it |
//! | `carrier-cancels` | picks the parcel up, then gives up: "the parcel was damaged" |
//! | `carrier-down` | answers every request with 503 |
//! | `carrier-flaky` | answers the first two requests of each key with 503, and accepts the third |
//! | `carrier-slow` | answers late, and then works |
//! | `carrier-twice` | makes every callback twice |
//! | `carrier-silent` | accepts the parcel, and never calls back |
//! | `carrier-refuses-recall` | never calls back, and refuses the first recall with 422 |

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
pub use webhook::{Callback, HttpWebhook, NotAccepted, Webhook, address_request, has_address};
