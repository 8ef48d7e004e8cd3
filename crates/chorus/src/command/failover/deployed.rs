//! A failover of a stack that is deployed in two regions.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use chorus_aws::{DynamoStore, OsRandomness, SystemClock, sdk_config_in};
use chorus_aws_operator::{Operator, OperatorError};
use chorus_events::Currency;
use chorus_kernel::{
    ActiveRegion, Breakers, Failure, Item, Kernel, Keyring, Region, Store, Versioned,
};
use chorus_payment::{PaymentProvider, SimulatedProvider};
use chorus_shop::CARRIER_API_KEY;
use chorus_shop::failover::{Regions, interrupted};
use chorus_shop::takeover::{Standby, Takeover};
use chorus_table::Entry;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::abandon::abandon;
use super::carrier::HttpCarrier;
use super::{Failover, Platform, State, carry_out, lost, show, started, state};
use crate::command::partners::variable;
use crate::screen::{GOOD, line, note};

/// How long the functions, the replication and the calls to partners of the first region may
/// continue after that region is no longer active.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(300);

/// The environment variable of the stack's payment function that names the secret with Stripe's
/// key. The variable is empty if the stack simulates payments.
const STRIPE_KEY_SECRET: &str = "STRIPE_KEY_SECRET";

const ANOTHER_RUN: &str = "another run of this command has begun: wait until it has ended";

/// The stack in both regions.
struct Deployed {
    regions: Regions,
    first: Operator,
    second: Operator,
    store: Arc<DynamoStore>,
    kernel: Kernel,
    provider: Arc<dyn PaymentProvider>,
    carrier: HttpCarrier,
    /// Rules that stay disabled, in addition to the rules that are disabled in the first region.
    except: Vec<String>,
    /// The item that names the active region, as this run has written it. If another run writes the
    /// item, this run cannot activate the second region any more.
    fenced: OnceLock<Versioned<ActiveRegion>>,
}

pub(super) async fn run(failover: &Failover, stack: &str) -> anyhow::Result<ExitCode> {
    let to = failover.to.clone();
    let second = Operator::new(&sdk_config_in(&to), stack);
    let store = Arc::new(second.store().await?);
    let Some(read) = ActiveRegion::read(&*store).await? else {
        return name_first(failover, &store).await;
    };
    if let Some(next) = read.next.as_ref().filter(|next| **next != to) {
        if read.region == to {
            return abandon(failover, stack, &store, &read, next).await;
        }
        anyhow::bail!("the failover to {next} was interrupted: run it again, with --to {next}")
    }
    let active = read.value;
    // If the failover was interrupted when the other region was active already, only the audit
    // names the region that was active before.
    let before = interrupted(&*store, &to).await?.map_or(active.region, |it| it.from);
    let from = match &failover.from {
        Some(from) if *from != before && before != to => {
            anyhow::bail!("--from is {from}, but the region that was active until now is {before}")
        }
        Some(from) => from.clone(),
        None => before,
    };
    let first = Operator::new(&sdk_config_in(&from), stack);
    let deployed = Deployed::of(failover, Regions { from, to }, first, second, store).await?;
    if matches!(state(&deployed).await?, State::Done) {
        return lost::undo(failover, &deployed).await;
    }
    if !show(failover, &deployed).await? || !failover.yes {
        return Ok(ExitCode::SUCCESS);
    }
    let (begun, cancels) = started(&deployed).await?;
    carry_out(failover, &deployed, begun, cancels).await
}

/// Records that the region `--to` is active. No region was active before, so there is nothing to
/// take over.
async fn name_first(failover: &Failover, store: &DynamoStore) -> anyhow::Result<ExitCode> {
    let to = &failover.to;
    if failover.yes {
        store.write(&[ActiveRegion::taken_over(None, to, Timestamp::now())]).await?;
    }
    match (failover.json, failover.yes) {
        (true, yes) => line!("{}", json!({ "active": yes.then_some(to) })),
        (false, true) => line!("{GOOD}{to} is active.{GOOD:#}"),
        (false, false) => line!("No region is active yet. Add --yes to activate {to}."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that `--payment` names the provider of the stack, and returns the stack's currency. With
/// another provider, no charge would be found, so charges of lost orders would not be refunded.
/// `variables` are the environment variables of the stack's payment function.
fn check_provider(
    failover: &Failover,
    variables: &BTreeMap<String, String>,
) -> anyhow::Result<Currency> {
    let value = |name| variables.get(name).map_or("", String::as_str);
    match (!value(STRIPE_KEY_SECRET).is_empty(), failover.payment.is_stripe()) {
        (true, false) => anyhow::bail!("the stack charges by Stripe: add --payment stripe"),
        (false, true) => anyhow::bail!(
            "the stack has no Stripe key (StripeKeySecret), so it simulates payments: leave out \
             --payment stripe"
        ),
        _ => {}
    }
    value("CURRENCY").parse().context("the payment function's CURRENCY is not a currency")
}

impl Deployed {
    async fn of(
        failover: &Failover,
        regions: Regions,
        first: Operator,
        second: Operator,
        store: Arc<DynamoStore>,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(
            regions.from != regions.to,
            "{} is already active: name the other region with --to to take over, or with --from to \
             undo that region's charges and parcels of lost orders",
            regions.to
        );
        let clock = Arc::new(SystemClock);
        let kernel = Kernel {
            store: Arc::clone(&store) as Arc<dyn Store>,
            bus: Arc::new(second.publisher().await?),
            machines: Arc::new(second.sweeper_machines().await?),
            clock: clock.clone(),
            breakers: Breakers::default(),
            keyring: Keyring::new(Arc::new(OsRandomness)),
            region: Some(Region::new(regions.to.as_str())),
        };
        let currency = check_provider(failover, &second.variables("payment").await?)?;
        let provider: Arc<dyn PaymentProvider> = match failover.payment.stripe(currency)? {
            Some(stripe) => Arc::new(stripe),
            None => Arc::new(SimulatedProvider::new(Arc::clone(&store) as Arc<dyn Store>, clock)),
        };
        let url = failover.carrier.as_deref().unwrap_or_default();
        let carrier = HttpCarrier::new(url, variable("CARRIER_API_KEY", CARRIER_API_KEY));
        let except = failover.except.clone();
        let fenced = OnceLock::new();
        Ok(Self { regions, first, second, store, kernel, provider, carrier, except, fenced })
    }

    /// Stops replication into the second region, which takes over: the tables of the second region
    /// then refuse the writes that DynamoDB replicates from the first region.
    async fn cut_off(&self) -> anyhow::Result<()> {
        self.second
            .refuse_replication()
            .await
            .context("the replication into the region that takes over cannot be stopped")
    }

    /// Returns the rules that the takeover enables: those that are enabled in the first region. If
    /// that region does not answer, or has no enabled rule, the takeover enables all rules.
    async fn rules_to_enable(&self) -> Result<Vec<String>, OperatorError> {
        let of_second = self.second.rule_states().await?.into_iter().map(|rule| rule.name);
        let enabled = Self::enabled(&self.first).await.ok().filter(|names| !names.is_empty());
        let is_wanted = |name: &String| enabled.as_ref().is_none_or(|names| names.contains(name));
        Ok(of_second.filter(is_wanted).collect())
    }

    /// Returns the names of the enabled rules of a region.
    async fn enabled(operator: &Operator) -> Result<Vec<String>, OperatorError> {
        let rules = operator.rule_states().await?.into_iter();
        Ok(rules.filter(|rule| rule.enabled).map(|rule| rule.name).collect())
    }
}

#[async_trait]
impl Platform for Deployed {
    fn regions(&self) -> &Regions {
        &self.regions
    }

    fn takeover(&self) -> Takeover<'_> {
        Takeover { standby: self, provider: &*self.provider, carrier: &self.carrier }
    }

    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn fence(&self) -> anyhow::Result<()> {
        let Regions { from, to } = &self.regions;
        let read = ActiveRegion::read(self.store()).await?.context("no region was active")?;
        let enabled = Self::enabled(&self.second).await?;
        let mut rules = match &read.next {
            // An interrupted failover continues, with the rules that it selected at its start.
            Some(_) => read.rules.clone(),
            // The interrupted failover had made the second region active already.
            None if read.region == *to => enabled.clone(),
            None => self.rules_to_enable().await?,
        };
        rules.retain(|rule| !self.except.contains(rule));
        let waits = read.next.is_none() || !enabled.is_empty();
        let since = if waits { Timestamp::now() } else { read.since };
        self.store.write(&[ActiveRegion::fenced(&read, to, rules, since)]).await?;
        let fenced = ActiveRegion::read(self.store()).await?.context("no region was active")?;
        anyhow::ensure!(fenced.version == read.version + 1, ANOTHER_RUN);
        self.fenced.get_or_init(|| fenced);
        // The second region's rules stay disabled until that region is active. An interrupted
        // failover may have enabled the rules.
        self.second.set_rules(&enabled, false).await?;
        // The first region may still accept orders until its instances have read that it is
        // fenced, even if it does not answer this command. So replication continues until then.
        let left = (since + UNDER_WAY).duration_since(Timestamp::now());
        if let Ok(left) = Duration::try_from(left) {
            note!("{from} is fenced. Waiting {} s for its invocations to end …", left.as_secs());
            tokio::time::sleep(left).await;
        }
        self.cut_off().await
    }

    async fn activate(&self) -> anyhow::Result<()> {
        let fenced = self.fenced.get().context("the first region is not fenced")?;
        // The rules come first: an order that is placed as soon as the region is active must find
        // them enabled.
        self.second.set_rules(&fenced.rules, true).await?;
        let to = &self.regions.to;
        let active = ActiveRegion::taken_over(Some(fenced), to, Timestamp::now());
        let written = self.store.write(&[active]).await;
        written.context(ANOTHER_RUN)
    }

    async fn finish(&self) -> anyhow::Result<()> {
        let from = &self.regions.from;
        match Self::enabled(&self.first).await {
            Ok(enabled) => {
                self.first.set_rules(&enabled, false).await?;
                // Otherwise, this bus would accept events of other accounts, but no enabled rule
                // would match these events.
                Ok(self.first.refuse_other_accounts().await?)
            }
            Err(_) => {
                note!("{from} does not answer: run this command again once it is back.");
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Standby for Deployed {
    fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    async fn check_current(&self) -> Result<(), Failure> {
        let active = ActiveRegion::read(self.store()).await?.map(|active| active.version);
        if active == self.fenced.get().map(|fenced| fenced.version) {
            return Ok(());
        }
        Err(Failure::Terminal { code: "AnotherRun", message: ANOTHER_RUN.to_owned() })
    }

    async fn items(&self, table: &'static str) -> Result<Vec<Item>, Failure> {
        self.second.items(table).await.map_err(|error| Failure::later("Refused", error.to_string()))
    }

    /// Reads the events from the replicated event log, because EventBridge cannot list the events
    /// of an archive. It can only replay them.
    async fn events(&self) -> Result<Vec<Entry>, Failure> {
        let items = self.items(chorus_event_log::TABLE.name).await?;
        Ok(items.iter().filter_map(chorus_event_log::published).collect())
    }
}
