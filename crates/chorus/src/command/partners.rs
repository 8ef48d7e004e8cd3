//! `chorus partners`: runs the simulated carrier alone, for a shop that runs elsewhere; and tests a
//! carrier against the contract for carriers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chorus_carrier::contract::{Candidate, Verified};
use chorus_carrier::{ApiKey, CARRIER_TABLE, Carrier, CarrierConfig, HttpWebhook};
use chorus_http::{Limits, serve};
use chorus_local::{DynoxideStore, SystemClock};
use chorus_shop::{CARRIER_API_KEY, WEBHOOK_SECRET};
use chorus_webhook_signature::{WebhookSecret, WebhookSecrets};
use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use crate::interruption::Interruption;
use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// Run the simulated carrier on its own, beside a shop on an emulator or on AWS
///
/// The environment variable CARRIER_API_KEY contains the key that callers of the carrier must send.
/// The carrier signs its callbacks with the secret in the environment variable WEBHOOK_SECRET.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Partners {
    #[command(subcommand)]
    command: Option<PartnersCommand>,
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// The URL for callbacks: the address of the shop's API, followed by /webhooks/logistics
    #[arg(long, value_name = "URL", required = true)]
    webhook_url: Option<String>,
    /// The carrier's data directory; if the carrier is started again with the same directory, it
    /// continues its callbacks
    #[arg(long, value_name = "DIR", default_value = ".chorus-partners")]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum PartnersCommand {
    Verify(Verify),
}

/// Check a carrier against the contract for carriers
///
/// The carrier has to send its reports to this machine, to /webhooks/logistics at --listen. The
/// contract is docs/carrier-openapi.json. The environment variable CARRIER_API_KEY contains the key
/// that the shop sends, and WEBHOOK_SECRET contains the secret with which the carrier signs its
/// reports. Exit 1 if the carrier violates the contract.
#[derive(Debug, Args)]
struct Verify {
    /// The carrier's address: the part of its URL before /deliveries
    #[arg(long, value_name = "URL")]
    carrier: String,
    /// The address on this machine that receives the carrier's reports
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3002")]
    listen: SocketAddr,
    /// How many seconds to wait for the reports about one parcel
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    within: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How long the shop waits for the carrier to answer a call.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

async fn verify(verify: &Verify) -> anyhow::Result<ExitCode> {
    let secret: WebhookSecret =
        variable("WEBHOOK_SECRET", WEBHOOK_SECRET).parse().context("WEBHOOK_SECRET is invalid")?;
    let candidate = Candidate {
        url: verify.carrier.clone(),
        api_key: variable("CARRIER_API_KEY", CARRIER_API_KEY),
        secrets: WebhookSecrets::from(secret),
        answers_within: ANSWERS_WITHIN,
        reports_within: Duration::from_secs(verify.within),
    };
    let in_use = || format!("nothing can listen on {}: choose another --listen", verify.listen);
    let listener = TcpListener::bind(verify.listen).await.with_context(in_use)?;
    let run = jiff::Timestamp::now().as_microsecond().to_string();
    let verified = chorus_carrier::contract::verify(candidate, listener, &run).await;
    let wrong = verified.iter().filter(|it| it.fault.is_some()).count();
    if verify.json {
        line!("{}", serde_json::to_string_pretty(&verified)?);
    } else {
        for Verified { rule, fault } in &verified {
            match fault {
                None => line!("{GOOD}✓{GOOD:#} {rule}"),
                Some(fault) => line!("{BAD}✗{BAD:#} {rule}: {fault}"),
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn run(partners: &Partners) -> anyhow::Result<ExitCode> {
    if let Some(PartnersCommand::Verify(candidate)) = &partners.command {
        return verify(candidate).await;
    }
    let webhook_url = partners.webhook_url.as_deref().unwrap_or_default();
    let interruption = Interruption::listen()?;
    let data = partners.data.display();
    std::fs::create_dir_all(&partners.data)
        .with_context(|| format!("the directory {data} cannot be created"))?;
    let secret = variable("WEBHOOK_SECRET", WEBHOOK_SECRET);
    let secret: WebhookSecret = secret.parse().context("WEBHOOK_SECRET is invalid")?;
    let secrets = Arc::new(WebhookSecrets::from(secret));
    let clock = Arc::new(SystemClock);
    let store = DynoxideStore::open(&partners.data.join("partners.db"), &[CARRIER_TABLE])?;
    let webhook = HttpWebhook::new(webhook_url, secrets, clock.clone());
    let key = ApiKey::new(variable("CARRIER_API_KEY", CARRIER_API_KEY));
    let pace = CarrierConfig::new(key);
    let carrier = Carrier::new(Arc::new(store), clock, Arc::new(webhook), pace);

    let address = SocketAddr::from(([127, 0, 0, 1], partners.port));
    let in_use = || format!("nothing can listen on {address}: choose another --port");
    let listener = TcpListener::bind(address).await.with_context(in_use)?;
    let address = listener.local_addr()?;
    line!(
        "{GOOD}The simulated carrier listens{GOOD:#} at {BOLD}http://{address}{BOLD:#}; its data is in {data}."
    );
    line!("{DIM}It sends callbacks to {}. Ctrl-C stops it.{DIM:#}", webhook_url);
    let working = tokio::spawn(Arc::clone(&carrier).run());
    let router = chorus_carrier::router(carrier);
    serve(listener, router, Limits::default(), interruption.received()).await;
    working.abort();
    Ok(ExitCode::SUCCESS)
}

/// Reads an environment variable. Returns `otherwise` if the variable is not set, or is empty.
pub(crate) fn variable(name: &str, otherwise: &str) -> String {
    let given = std::env::var(name).ok().filter(|value| !value.is_empty());
    given.unwrap_or_else(|| otherwise.to_owned())
}
