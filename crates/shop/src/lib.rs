//! The whole shop in one process: every service on the embedded engine, its API on a socket, and
//! simulated partners. The command line, the tests and the simulation start it.

mod accounts;
pub mod audit;
mod bank;
mod config;
mod console;
pub mod cost;
pub mod doctor;
pub mod failover;
mod following;
mod front_end;
mod in_process;
mod operator;
mod partners;
mod shop;
mod standby;
pub mod unrecorded;
pub mod upgrade;
mod webhook_secret;

pub use chorus_delivery::DELIVERY_DEADLINE;
pub use chorus_local::{ExecutionStory, Moment};
pub use chorus_payment::CONFIRMATION_TIMEOUT;
pub use chorus_recovery::{restored, takeover};

pub use accounts::{Accounts, ItemAccount, OrderAccount};
pub use config::{Around, CARRIER_API_KEY, ShopConfig, WEBHOOK_SECRET};
pub use front_end::{FRONT_END_SECRET, FRONT_END_SECRET_FILE, UPDATES_PATH};
pub use operator::{
    Attempt, DeadLetterView, NotAToken, RedriveRequest, ReplayReport, ReplayRequest, Replayed,
    TokenRequest, Wait,
};
pub use partners::Partners;
pub use shop::{API, Secrets, Shop, ShopError, functions};
pub use standby::{OnStandby, on_standby};
pub use webhook_secret::{WebhookSecretError, WebhookSecretFile, random_webhook_secret};
