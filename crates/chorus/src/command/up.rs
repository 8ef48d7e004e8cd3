//! `chorus up`: runs the whole shop on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::http::HeaderValue;
use chorus_events::{Country, Currency, Money, MoneyError, PaymentCapture, Settings};
use chorus_notification::TransportMailer;
use chorus_partners::mail::{Address, Smtp};
use chorus_partners::stripe::{FixedKey, STRIPE, SecretKey, Stripe};
use chorus_payment::StripeProvider;
use chorus_shop::{
    CONFIRMATION_TIMEOUT, DELIVERY_DEADLINE, FRONT_END_SECRET_FILE, OnStandby, Shop, ShopConfig,
    UPDATES_PATH,
};
use chorus_webhook_signature::WebhookSecret;
use clap::{Args, ValueEnum, value_parser};
use jiff::{Span, SpanRelativeTo};

use crate::interruption::{Interruption, survive_file_size_limit};
use crate::location::{announce, running_in};
use crate::screen::{BAD, BOLD, DIM, GOOD, called, line};

/// Run the whole shop on this machine
///
/// Run every service, the bus, the queues, the state and the simulated partners in one process.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The data directory; a shop that is started again on this directory continues where it
    /// stopped
    #[arg(long, value_name = "DIR", default_value = ".chorus")]
    data: PathBuf,
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Require a token for calls from this machine, too; `chorus token --data DIR` prints one
    #[arg(long)]
    require_tokens: bool,
    /// Let pages of this origin (scheme, host and port) call the API with a token; may be given
    /// several times
    #[arg(long = "cors", value_name = "ORIGIN", value_parser = origin)]
    origins: Vec<HeaderValue>,
    /// Post signed updates of orders to the shop's own front end, at URL/order-updates
    #[arg(long, value_name = "URL", value_parser = front_end)]
    front_end: Option<String>,
    #[command(flatten)]
    mail: Mail,
    #[command(flatten)]
    payments: Payments,
    #[command(flatten)]
    numbers: Numbers,
}

/// Settings that the operator of each shop chooses, such as its currency.
#[derive(Debug, Args)]
struct Numbers {
    /// The country that the shop ships from: its code by ISO 3166
    #[arg(long, value_name = "CODE", default_value_t = Settings::DEFAULT.home_country)]
    home_country: Country,
    /// Let a person review orders of this amount or more before they are charged
    #[arg(
        long,
        value_name = "AMOUNT",
        default_value_t = Settings::DEFAULT.review_above,
        value_parser = threshold,
    )]
    review_above: Money,
    /// How long to wait for the carrier before a delivery is canceled, such as 36h or 10d
    #[arg(long, value_name = "DURATION", default_value = "10d", value_parser = deadline)]
    delivery_deadline: u32,
    /// The currency of prices, by ISO 4217
    #[arg(long, value_name = "CODE", default_value = Settings::DEFAULT.currency.code())]
    currency: Currency,
    /// How many orders a customer may place in a minute, at most 60,000; 0 for any number
    #[arg(
        long,
        value_name = "N",
        default_value_t = Settings::DEFAULT.orders_per_minute,
        value_parser = value_parser!(u32).range(..=i64::from(Settings::MAX_ORDERS_PER_MINUTE)),
    )]
    orders_per_minute: u32,
}

/// Reads an amount of 0 or more; with 0, every order is reviewed.
fn threshold(text: &str) -> Result<Money, String> {
    let amount: Money = text.parse().map_err(|error: MoneyError| error.to_string())?;
    if amount < Money::ZERO { Err("must be 0 or more".to_owned()) } else { Ok(amount) }
}

/// The longest wait for a delivery, in seconds. It is shorter than the timeout of the state machine
/// that waits, which is 30 days.
const LONGEST_DELIVERY: u32 = 29 * 86_400;

/// Reads a duration, and returns its seconds.
fn deadline(text: &str) -> Result<u32, String> {
    let wrong = || "must be a duration from 1s to 29d, such as 36h or 10d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let seconds = u32::try_from(length.as_secs()).map_err(|_| wrong())?;
    Some(seconds).filter(|seconds| (1..=LONGEST_DELIVERY).contains(seconds)).ok_or_else(wrong)
}

impl Up {
    const fn settings(&self) -> Settings {
        let Numbers { home_country, review_above, currency, orders_per_minute, .. } = self.numbers;
        let payment_capture = self.payments.capture;
        Settings { home_country, review_above, currency, payment_capture, orders_per_minute }
    }
}

/// Reads an origin as browsers send it: scheme, host, and the port if it is not the scheme's
/// default port.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let whole = text.split_once("://").is_some_and(|(scheme, host)| {
        matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', '*', ' '])
    });
    let value = text.to_ascii_lowercase().parse().ok().filter(|_| whole);
    value.ok_or_else(|| "must be a scheme and a host, such as https://shop.example".to_owned())
}

/// Reads the address of a front end: scheme and host, optionally port and path.
fn front_end(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = host.filter(|host| !host.is_empty() && !host.starts_with('/'));
    let plain = host.is_some_and(|host| !host.contains(['?', '#', '*', ' ']));
    plain.then(|| text.to_owned()).ok_or_else(|| {
        "must be an http or https URL without a query, such as https://shop.example".to_owned()
    })
}

/// The server that sends the shop's emails; without one, the simulated mailer stores them.
#[derive(Debug, Args)]
struct Mail {
    /// Send emails by this SMTP server: smtp://127.0.0.1:1025, or smtps://USER:PASSWORD@HOST. Put a
    /// URL with a password in the variable CHORUS_MAIL: other users of the machine can read
    /// arguments
    #[arg(long = "mail", value_name = "URL", env = "CHORUS_MAIL", hide_env_values = true)]
    server: Option<String>,
    /// The sender of emails
    #[arg(long = "mail-from", value_name = "ADDRESS", default_value = "orders@localhost")]
    from: Address,
    /// Who gets emails about refunds and other compensations that failed, and about partners that
    /// do not answer [default: the sender]
    #[arg(long = "mail-operator", value_name = "ADDRESS")]
    operator: Option<Address>,
}

impl Mail {
    fn mailer(&self) -> anyhow::Result<Option<Arc<TransportMailer>>> {
        let Some(server) = &self.server else { return Ok(None) };
        let smtp = Smtp::at(server).context("--mail is invalid")?;
        let operator = self.operator.clone().unwrap_or_else(|| self.from.clone());
        let mailer = TransportMailer::new(Arc::new(smtp), self.from.clone(), Some(operator));
        Ok(Some(Arc::new(mailer)))
    }
}

/// The payment options. The variable STRIPE_KEY has Stripe's key, and STRIPE_WEBHOOK_SECRET the
/// secret of Stripe's webhook.
#[derive(Debug, Args)]
struct Payments {
    #[command(flatten)]
    by: PaymentPartner,
    /// The page to which a bank sends customers back after they confirmed a payment
    #[arg(long = "payment-return-url", value_name = "URL")]
    return_url: Option<String>,
    /// When customers are charged: at-once, or when-shipped (until then, the bank holds the amount)
    #[arg(
        long = "payment-capture",
        value_name = "WHEN",
        default_value_t = Settings::DEFAULT.payment_capture,
    )]
    capture: PaymentCapture,
    /// How long a customer may take to confirm a payment, in seconds
    #[arg(long = "confirmation-timeout", value_name = "SECONDS", default_value_t = 3_600)]
    confirmation_timeout: u32,
}

/// The payment provider that charges and refunds.
#[derive(Debug, Args)]
pub(crate) struct PaymentPartner {
    /// The payment provider: simulated, or Stripe with the key in the variable STRIPE_KEY
    #[arg(long = "payment", value_name = "PROVIDER", default_value = "simulated")]
    provider: Provider,
    /// The address of Stripe's API. A server on this machine that has the same API, at an http://
    /// address, needs no key
    #[arg(long = "payment-url", value_name = "URL", default_value = STRIPE)]
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Provider {
    Simulated,
    Stripe,
}

/// The key for a server on this machine that has Stripe's API, if STRIPE_KEY is not set.
const KEY_OF_THIS_LAPTOP: &str = "sk_test_for_this_laptop_only";

impl PaymentPartner {
    pub(crate) fn is_stripe(&self) -> bool {
        self.provider == Provider::Stripe
    }

    /// Returns the client of Stripe, if Stripe is the selected provider.
    pub(crate) fn stripe(&self, currency: Currency) -> anyhow::Result<Option<StripeProvider>> {
        if !self.is_stripe() {
            return Ok(None);
        }
        let key = match stripe_key() {
            Some(key) => key,
            None if self.url.starts_with("http://") => KEY_OF_THIS_LAPTOP.to_owned(),
            None => bail!("STRIPE_KEY is not set: set it to Stripe's secret key"),
        };
        let key = key.parse().context("STRIPE_KEY is not a secret key of Stripe")?;
        stripe_at(&self.url, key, currency).map(Some)
    }
}

/// Returns the key in the variable STRIPE_KEY, if it is set.
pub(crate) fn stripe_key() -> Option<String> {
    std::env::var("STRIPE_KEY").ok().filter(|key| !key.is_empty())
}

/// Returns the payment provider that calls Stripe's API at `url`.
pub(crate) fn stripe_at(
    url: &str,
    key: SecretKey,
    currency: Currency,
) -> anyhow::Result<StripeProvider> {
    let stripe = Stripe::at(url, Arc::new(FixedKey(key)));
    let stripe = stripe.context("the payment provider's URL is invalid")?;
    let currency = currency.code().parse().context("Stripe does not support the currency")?;
    Ok(StripeProvider::new(stripe, currency))
}

impl Payments {
    fn stripe(&self, currency: Currency) -> anyhow::Result<Option<Arc<StripeProvider>>> {
        let Some(stripe) = self.by.stripe(currency)? else { return Ok(None) };
        let stripe = stripe.capturing(self.capture).returning_to(self.return_url.clone());
        Ok(Some(Arc::new(stripe)))
    }

    /// Returns the secret with which Stripe signs its webhooks; `None` if STRIPE_WEBHOOK_SECRET is
    /// not set, or if Stripe is not the selected provider.
    fn webhook_secret(&self) -> anyhow::Result<Option<WebhookSecret>> {
        let given = std::env::var("STRIPE_WEBHOOK_SECRET").ok().filter(|it| !it.is_empty());
        let given = given.filter(|_| self.by.is_stripe());
        given.map(|secret| secret.parse()).transpose().context("STRIPE_WEBHOOK_SECRET is invalid")
    }
}

pub(crate) async fn run(up: &Up) -> anyhow::Result<ExitCode> {
    let config = ShopConfig {
        data: Some(up.data.clone()),
        address: SocketAddr::from(([127, 0, 0, 1], up.port)),
        mailer: up.mail.mailer()?,
        require_tokens: up.require_tokens,
        origins: up.origins.clone(),
        front_end: up.front_end.clone(),
        settings: up.settings(),
        limits: [
            (DELIVERY_DEADLINE.to_owned(), up.numbers.delivery_deadline),
            (CONFIRMATION_TIMEOUT.to_owned(), up.payments.confirmation_timeout),
        ]
        .into(),
        stripe: up.payments.stripe(up.numbers.currency)?,
        payment_webhook: up.payments.webhook_secret()?,
        ..ShopConfig::default()
    };
    if let Some(url) = running_in(&up.data) {
        bail!(
            "the shop in {} runs already, at {url}: stop it first, with Ctrl-C in its terminal or with \
             `kill`",
            up.data.display()
        );
    }
    let interruption = Interruption::listen()?;
    survive_file_size_limit()?;
    let unopened = || format!("the shop in {} cannot be opened", up.data.display());
    let shop = Shop::start(&config).await.with_context(unopened)?;
    let url = shop.url().unwrap_or_default();
    let announcement = announce(&up.data, &url)?;
    match shop.standby().await? {
        Some(standby) => print_standby(&url, up, &standby),
        None => welcome(&url, up),
    }
    interruption.received().await;
    line!("\nWaiting for deliveries in flight …");
    shop.stop().await?;
    drop(announcement);
    line!("{GOOD}Stopped.{GOOD:#} The data is in {}.", up.data.display());
    Ok(ExitCode::SUCCESS)
}

/// Prints that the shop does not handle requests, because another region is active.
fn print_standby(url: &str, up: &Up, standby: &OnStandby) {
    let data = up.data.display();
    line!("{BAD}The shop is on standby{BAD:#} at {BOLD}{url}{BOLD:#}, its data in {data}.");
    line!("{standby}.");
    line!("What to do: {}. Ctrl-C stops.", standby.remedy());
}

fn welcome(url: &str, up: &Up) {
    let data = up.data.display();
    line!("{GOOD}The shop is open{GOOD:#} at {BOLD}{url}{BOLD:#}, its data in {data}.\n");
    let chorus = called();
    let at = if up.port == 3000 { String::new() } else { format!(" --url {url}") };
    line!("{DIM}# list an item, store a customer, place an order{DIM:#}");
    line!(
        "curl -X PUT {url}/items/chai -d '{{\"name\":\"Chai\",\"price\":18,\"stock\":39}}'\n\
         curl -X PUT {url}/customers/ana -d '{{\"name\":\"Ana\",\"email\":\"ana@example.com\"}}'\n\
         {chorus} order place --customer ana --line chai:2{at}\n"
    );
    line!("{DIM}# then see the events of the order{DIM:#}");
    line!("{chorus} trace ORDER{at}\n");
    if let Some(front_end) = &up.front_end {
        line!(
            "{front_end}/{UPDATES_PATH} gets updates of orders, which are signed with the \
             secret in {}.\n",
            up.data.join(FRONT_END_SECRET_FILE).display()
        );
    }
    line!("The routes of the API: {url}/ and {url}/openapi.json. Ctrl-C stops.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_at_least_a_second_and_at_most_what_the_state_machine_lasts() {
        let cases = [("1s", 1), ("36h", 129_600), ("10d", 864_000), ("29d", LONGEST_DELIVERY)];
        for (text, seconds) in cases {
            assert_eq!(deadline(text), Ok(seconds), "{text}");
        }
        for wrong in ["", "10", "0s", "-1h", "30d", "1mo", "soon"] {
            assert!(deadline(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_front_end_has_an_address_of_its_own() {
        for good in ["https://shop.example", "http://127.0.0.1:8080/hooks"] {
            assert_eq!(front_end(good).as_deref(), Ok(good));
        }
        for wrong in ["", "shop.example", "ftp://shop.example", "https://", "http://a/?b"] {
            assert!(front_end(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_threshold_may_be_nothing_and_not_less() {
        assert_eq!(threshold("0"), Ok(Money::ZERO));
        assert_eq!(threshold("499.99"), Ok(Money::from_minor(49_999)));
        assert!(threshold("-1").is_err() && threshold("much").is_err());
    }
}
