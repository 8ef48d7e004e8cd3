//! `chorus partners`: the simulated carrier on its own, beside a shop that runs elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use chorus_carrier::{ApiKey, CARRIER_TABLE, Carrier, CarrierConfig, HttpWebhook};
use chorus_http::{Limits, serve};
use chorus_local::{DynoxideStore, SystemClock};
use chorus_shop::{CARRIER_API_KEY, WEBHOOK_SECRET};
use chorus_webhook_signature::{WebhookSecret, WebhookSecrets};
use clap::Args;
use tokio::net::TcpListener;

use crate::interruption::Interruption;
use crate::screen::{BOLD, DIM, GOOD, line};

/// Run the simulated carrier on its own, beside a shop on an emulator or on AWS
///
/// CARRIER_API_KEY is the key that its callers send, WEBHOOK_SECRET what it signs callbacks with.
#[derive(Debug, Args)]
pub(crate) struct Partners {
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// The URL for callbacks: the address of the shop's API and /webhooks/logistics
    #[arg(long, value_name = "URL")]
    webhook_url: String,
    /// The carrier's data directory; started again on it, it goes on calling back
    #[arg(long, value_name = "DIR", default_value = ".chorus-partners")]
    data: PathBuf,
}

pub(crate) async fn run(partners: &Partners) -> anyhow::Result<ExitCode> {
    let interruption = Interruption::listen()?;
    let data = partners.data.display();
    std::fs::create_dir_all(&partners.data).with_context(|| format!("{data} cannot be made"))?;
    let secret = variable("WEBHOOK_SECRET", WEBHOOK_SECRET);
    let secret: WebhookSecret = secret.parse().context("WEBHOOK_SECRET is invalid")?;
    let secrets = Arc::new(WebhookSecrets::from(secret));
    let clock = Arc::new(SystemClock);
    let store = DynoxideStore::open(&partners.data.join("partners.db"), &[CARRIER_TABLE])?;
    let webhook = HttpWebhook::new(&partners.webhook_url, secrets, clock.clone());
    let key = ApiKey::new(variable("CARRIER_API_KEY", CARRIER_API_KEY));
    let pace = CarrierConfig::new(key);
    let carrier = Carrier::new(Arc::new(store), clock, Arc::new(webhook), pace);

    let address = SocketAddr::from(([127, 0, 0, 1], partners.port));
    let in_use = || format!("nothing can listen on {address}: is it in use?");
    let listener = TcpListener::bind(address).await.with_context(in_use)?;
    let address = listener.local_addr()?;
    line!("{GOOD}The carrier works{GOOD:#} at {BOLD}http://{address}{BOLD:#}, its data in {data}.");
    line!("{DIM}It calls {} back. Ctrl-C stops.{DIM:#}", partners.webhook_url);
    let working = tokio::spawn(Arc::clone(&carrier).run());
    let router = chorus_carrier::router(carrier);
    serve(listener, router, Limits::default(), interruption.comes()).await;
    working.abort();
    Ok(ExitCode::SUCCESS)
}

/// A variable of the environment; where it is not set or empty, the laptop's value.
fn variable(name: &str, otherwise: &str) -> String {
    let given = std::env::var(name).ok().filter(|value| !value.is_empty());
    given.unwrap_or_else(|| otherwise.to_owned())
}
