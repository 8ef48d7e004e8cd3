//! `chorus up`: the whole shop on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::http::HeaderValue;
use chorus_events::Currency;
use chorus_notification::TransportMailer;
use chorus_partners::mail::{Address, Smtp};
use chorus_partners::stripe::{FixedKey, STRIPE, Stripe};
use chorus_payment::StripeProvider;
use chorus_shop::{Shop, ShopConfig};
use clap::{Args, ValueEnum};

use crate::interruption::Interruption;
use crate::location::{announce, running_in};
use crate::screen::{BOLD, DIM, GOOD, called, line};

/// Run the whole shop on this machine
///
/// Run every service, the bus, the queues, the state and the simulated partners in one process.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The data directory; started again on it, the shop goes on where it was
    #[arg(long, value_name = "DIR", default_value = ".chorus")]
    data: PathBuf,
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Ask calls from this machine for a token too; `chorus token --data DIR` prints one
    #[arg(long)]
    require_tokens: bool,
    /// Let pages of this origin call (scheme, host and port); may be given several times
    #[arg(long = "cors", value_name = "ORIGIN", value_parser = origin)]
    origins: Vec<HeaderValue>,
    #[command(flatten)]
    mail: Mail,
    #[command(flatten)]
    payments: Payments,
}

/// An origin as browsers send it: a scheme and a host, and a port where it is not the usual one.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let whole = text.split_once("://").is_some_and(|(scheme, host)| {
        matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', '*', ' '])
    });
    let value = text.to_ascii_lowercase().parse().ok().filter(|_| whole);
    value.ok_or_else(|| "must be like https://shop.example".to_owned())
}

/// Which server sends the shop's emails; without one, the simulated mailer keeps them.
#[derive(Debug, Args)]
struct Mail {
    /// Send emails by this SMTP server: smtp://127.0.0.1:1025, or smtps://USER:PASSWORD@HOST
    #[arg(long = "mail", value_name = "URL", env = "CHORUS_MAIL", hide_env_values = true)]
    server: Option<String>,
    /// The sender of emails
    #[arg(long = "mail-from", value_name = "ADDRESS", default_value = "orders@localhost")]
    from: Address,
    /// Who gets emails about what could not be undone [default: the sender]
    #[arg(long = "mail-operator", value_name = "ADDRESS")]
    operator: Option<Address>,
}

impl Mail {
    fn mailer(&self) -> anyhow::Result<Option<Arc<TransportMailer>>> {
        let Some(server) = &self.server else { return Ok(None) };
        let smtp = Smtp::at(server).context("no emails can be sent")?;
        let operator = self.operator.clone().unwrap_or_else(|| self.from.clone());
        let mailer = TransportMailer::new(Arc::new(smtp), self.from.clone(), Some(operator));
        Ok(Some(Arc::new(mailer)))
    }
}

/// Who charges; the key for Stripe is in STRIPE_KEY.
#[derive(Debug, Args)]
struct Payments {
    /// Who charges: nobody, or Stripe, by the key in the variable STRIPE_KEY
    #[arg(long = "payment", value_name = "PROVIDER", default_value = "simulated")]
    provider: Provider,
    /// Another server that speaks Stripe's API; on this machine it needs no key
    #[arg(long = "payment-url", value_name = "URL", default_value = STRIPE)]
    url: String,
    /// The currency of prices, by ISO 4217
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: Currency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Provider {
    Simulated,
    Stripe,
}

/// The key for a server on this machine that speaks Stripe's API, where none is given.
const KEY_OF_THIS_LAPTOP: &str = "sk_test_for_this_laptop_only";

impl Payments {
    fn stripe(&self) -> anyhow::Result<Option<Arc<StripeProvider>>> {
        if self.provider == Provider::Simulated {
            return Ok(None);
        }
        let given = std::env::var("STRIPE_KEY").ok().filter(|key| !key.is_empty());
        let key = match given {
            Some(key) => key,
            None if self.url.starts_with("http://") => KEY_OF_THIS_LAPTOP.to_owned(),
            None => bail!("nobody can be charged: set STRIPE_KEY to Stripe's secret key"),
        };
        let key = key.parse().context("STRIPE_KEY holds no key")?;
        let stripe = Stripe::at(&self.url, Arc::new(FixedKey(key)));
        let stripe = stripe.context("nobody can be charged at --payment-url")?;
        let currency = self.currency.code().parse().context("Stripe knows no such currency")?;
        Ok(Some(Arc::new(StripeProvider::new(stripe, currency))))
    }
}

pub(crate) async fn run(up: &Up) -> anyhow::Result<ExitCode> {
    let config = ShopConfig {
        data: Some(up.data.clone()),
        address: SocketAddr::from(([127, 0, 0, 1], up.port)),
        mailer: up.mail.mailer()?,
        require_tokens: up.require_tokens,
        origins: up.origins.clone(),
        currency: up.payments.currency,
        stripe: up.payments.stripe()?,
        ..ShopConfig::default()
    };
    if let Some(url) = running_in(&up.data) {
        bail!("the shop in {} runs already, at {url}", up.data.display());
    }
    let interruption = Interruption::listen()?;
    let unopened = || format!("the shop in {} does not open", up.data.display());
    let shop = Shop::start(&config).await.with_context(unopened)?;
    let url = shop.url().unwrap_or_default();
    let announcement = announce(&up.data, &url)?;
    welcome(&url, up);
    interruption.comes().await;
    line!("\nFinishing what is in flight …");
    shop.stop().await?;
    drop(announcement);
    line!("{GOOD}Stopped.{GOOD:#} Everything is in {}.", up.data.display());
    Ok(ExitCode::SUCCESS)
}

fn welcome(url: &str, up: &Up) {
    let data = up.data.display();
    line!("{GOOD}The shop is open{GOOD:#} at {BOLD}{url}{BOLD:#}, its data in {data}.\n");
    let chorus = called();
    let at = if up.port == 3000 { String::new() } else { format!(" --url {url}") };
    line!("{DIM}# list an item, keep a customer, order{DIM:#}");
    line!(
        "curl -X PUT {url}/items/chai -d '{{\"name\":\"Chai\",\"price\":18,\"stock\":39}}'\n\
         curl -X PUT {url}/customers/ana -d '{{\"name\":\"Ana\",\"email\":\"ana@example.com\"}}'\n\
         {chorus} order place --customer ana --line chai:2{at}\n"
    );
    line!("{DIM}# then see what it went through{DIM:#}");
    line!("{chorus} trace ORDER{at}\n");
    line!("What the API can do: {url}/ and {url}/openapi.json. Ctrl-C stops.");
}
