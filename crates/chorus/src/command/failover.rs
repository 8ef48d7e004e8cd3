//! `chorus failover`: has one region, or one data directory, take over from another.

mod carrier;
mod deployed;
mod directories;
mod print;

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Context;
use async_trait::async_trait;
use chorus_events::{Currency, OrderId, Settings};
use chorus_kernel::{Acting, Store};
use chorus_shop::failover::{begin, unfinished};
use chorus_shop::takeover::{Plan, Repaired, Resumed, Takeover};
use clap::Args;
use serde_json::json;

use super::up::PaymentPartner;
use crate::screen::{DIM, GOOD, line};
use crate::stack::user;

/// Have one region take over from another one, or one data directory from another
///
/// Reads from the payment provider and the carrier what they have done, brings the state of every
/// order up to the events that arrived, refunds the charges of orders that were lost, and publishes
/// the events of the other region again. Without --yes, only prints what it would do. If it is
/// interrupted, run it again. To fail back, exchange --from and --to.
///
/// With --stack, the stack is deployed in both regions by infra/two-regions/template.yaml. The region
/// that acted is fenced first; five minutes later, when none of its invocations can still run, the
/// other one acts.
///
/// Two directories: both shops are stopped, and the second was restored from a backup of the first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chorus backup COPY --data first && chorus restore COPY --data second
  chorus failover --from first --to second
  chorus failover --from first --to second --yes && chorus up --data second
  chorus failover --stack chorus --to eu-west-1 --carrier https://carrier.example --payment stripe")]
pub(crate) struct Failover {
    /// The data directory of the shop that acted; with --stack, the region that must be acting now
    #[arg(long, value_name = "DIR|REGION", required_unless_present = "stack")]
    from: Option<String>,
    /// The data directory, or the region, that takes over
    #[arg(long, value_name = "DIR|REGION")]
    to: String,
    /// The stack in both regions: on AWS, or at AWS_ENDPOINT_URL
    #[arg(long, value_name = "NAME", requires = "carrier")]
    stack: Option<String>,
    /// The carrier's address, before /deliveries; CARRIER_API_KEY is the key that it asks for
    #[arg(long, value_name = "URL", requires = "stack")]
    carrier: Option<String>,
    /// A rule that stays disabled, because its partner is not configured; may be given several times.
    /// If the region that acted answers, rules that are disabled there stay disabled, too
    #[arg(long = "except", value_name = "RULE", requires = "stack")]
    except: Vec<String>,
    #[command(flatten)]
    payment: PaymentPartner,
    /// The currency of prices, by ISO 4217
    #[arg(long, value_name = "CODE", default_value = Settings::DEFAULT.currency.code())]
    currency: Currency,
    /// Take over (default: dry run)
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The steps of a failover that differ between a deployed stack and two data directories.
#[async_trait]
trait Platform: Sync {
    /// The names of two regions: of the one that acted, and of the one that takes over.
    fn regions(&self) -> (&str, &str);

    fn takeover(&self) -> Takeover<'_>;

    /// The store of the region that takes over.
    fn store(&self) -> &dyn Store;

    /// Stops the region that acted, and returns once neither region acts.
    async fn fence(&self) -> anyhow::Result<()>;

    /// Lets the region that takes over act.
    async fn activate(&self) -> anyhow::Result<()>;

    /// Completes the failover after the other region has begun to act: disables the rules of the
    /// region that acted, or copies the simulated partners' books.
    async fn finish(&self) -> anyhow::Result<()>;
}

pub(crate) async fn run(failover: &Failover) -> anyhow::Result<ExitCode> {
    match (&failover.stack, &failover.from) {
        (Some(stack), _) => deployed::run(failover, stack).await,
        (None, Some(from)) => directories::run(failover, from).await,
        (None, None) => {
            anyhow::bail!("add --from DIR, the directory of the shop that acted until now")
        }
    }
}

/// Whether the failover still has to be done.
enum State {
    /// The region that is to take over acts already, and no failover to it was interrupted.
    Done,
    /// A failover has to be done, or continued. The set contains the orders that an interrupted
    /// failover was going to cancel; it is empty if none was interrupted.
    Pending(BTreeSet<OrderId>),
}

async fn state(platform: &dyn Platform) -> anyhow::Result<State> {
    let to = platform.regions().1;
    let acting = Acting::read(platform.store()).await?;
    let interrupted_cancels = unfinished(platform.store(), to).await?;
    let acts = acting.is_some_and(|acting| acting.region == to);
    Ok(match interrupted_cancels {
        None if acts => State::Done,
        cancels => State::Pending(cancels.unwrap_or_default()),
    })
}

/// Prints what the takeover would do; returns false if there is nothing to do.
async fn show(failover: &Failover, platform: &dyn Platform) -> anyhow::Result<bool> {
    let regions = platform.regions();
    if matches!(state(platform).await?, State::Done) {
        if failover.json {
            line!("{}", json!({ "acts": regions.1 }));
        } else {
            line!("{GOOD}{} acts already.{GOOD:#}", regions.1);
        }
        return Ok(false);
    }
    let plan = platform.takeover().plan().await.context("the takeover cannot be planned")?;
    if !failover.json {
        print::plan(&plan, regions);
    } else if !failover.yes {
        print::json(&plan, regions, None)?;
    }
    if !failover.yes && !failover.json {
        line!("{DIM}Nothing was changed. Add --yes to do it.{DIM:#}");
    }
    Ok(true)
}

/// Takes over. If it is interrupted at any moment, it can be done again from the start.
async fn carry_out(failover: &Failover, platform: &dyn Platform) -> anyhow::Result<ExitCode> {
    let State::Pending(mut cancels) = state(platform).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let (store, regions, by) = (platform.store(), platform.regions(), user());
    let begun = begin(store, &by, regions, &cancels).await?;
    platform.fence().await?;
    // Planned again, because more items and events may have arrived since the plan was shown.
    let plan = platform.takeover().plan().await.context("the takeover cannot be planned")?;
    cancels.extend(plan.cancels.iter().cloned());
    let planned = begin(store, &by, regions, &cancels).await?;
    let repaired = platform.takeover().repair(&plan).await?;
    cancels.extend(repaired.cancels.iter().cloned());
    platform.activate().await?;
    let resumed = platform.takeover().resume(&plan, &cancels).await?;
    platform.finish().await?;
    let outcome = json!({ "repaired": repaired, "resumed": resumed });
    planned.end(store, outcome).await?;
    begun.end(store, json!("done")).await?;
    conclude(failover, (&plan, regions), (&repaired, &resumed))
}

fn conclude(
    failover: &Failover,
    (plan, regions): (&Plan, (&str, &str)),
    (repaired, resumed): (&Repaired, &Resumed),
) -> anyhow::Result<ExitCode> {
    if failover.json {
        print::json(plan, regions, Some((repaired, resumed)))?;
    } else {
        print::done(regions, repaired, resumed);
    }
    let all_done = repaired.by_hand.is_empty() && resumed.by_hand.is_empty();
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
