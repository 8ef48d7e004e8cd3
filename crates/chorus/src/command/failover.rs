//! `chorus failover`: makes one region, or one data directory, take over from another.

mod abandon;
mod carrier;
mod deployed;
mod directories;
mod lost;
mod print;

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Context;
use async_trait::async_trait;
use chorus_events::{Currency, OrderId, Settings};
use chorus_kernel::{ActiveRegion, Store};
use chorus_shop::failover::{Begun, Regions, Step, begin, interrupted};
use chorus_shop::takeover::{Plan, Repaired, Resumed, Takeover};
use clap::Args;
use serde_json::json;

use super::up::PaymentPartner;
use crate::screen::{DIM, GOOD, line};
use crate::stack::user;

/// Make one region, or one data directory, take over from another
///
/// Reads charges from the payment provider and parcels from the carrier. Repairs the state of every
/// order, so that the state matches the events that arrived from the other region. Refunds the
/// charges of orders that were lost, and publishes the other region's events again. Without --yes,
/// only prints the plan. If the command is interrupted, run it again. To fail back, exchange --from
/// and --to; with directories, first restore a new copy.
///
/// With --stack, the stack must be deployed in both regions by infra/two-regions/template.yaml.
/// Only one region is active at a time. The command first deactivates the region that was active,
/// and waits five minutes, until no invocation in that region can still run. Then it activates the
/// other region.
///
/// With two directories, both shops must be stopped, and the second must have been restored from a
/// backup of the first.
///
/// A failover of a stack that was interrupted before it repaired any table can be abandoned: run the
/// command with --to and the region that was active before.
///
/// A region that failed may come back after the takeover, and its bus may still hand in parcels to
/// the carrier. In that case, run the command again, with that region as --from: the command
/// disables the region's rules, refunds the charges of lost orders, and recalls their parcels.
/// Orders whose parcels only that region handed in are canceled.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chorus backup COPY --data first && chorus restore COPY --data second
  chorus failover --from first --to second
  chorus failover --from first --to second --yes && chorus up --data second
  chorus failover --stack chorus --to eu-west-1 --carrier https://carrier.example --payment stripe")]
pub(crate) struct Failover {
    /// The data directory of the shop that was used until now; with --stack, the region that must
    /// be active now
    #[arg(long, value_name = "DIR|REGION", required_unless_present = "stack")]
    from: Option<String>,
    /// The data directory, or the region, that takes over
    #[arg(long, value_name = "DIR|REGION")]
    to: String,
    /// The stack in both regions: on AWS, or at AWS_ENDPOINT_URL
    #[arg(long, value_name = "NAME", requires = "carrier")]
    stack: Option<String>,
    /// The carrier's address: the part of its URL before /deliveries. The environment variable
    /// CARRIER_API_KEY must contain the key that the carrier requires
    #[arg(long, value_name = "URL", requires = "stack")]
    carrier: Option<String>,
    /// A rule to leave disabled in the region that takes over, because the rule's partner is not
    /// configured; may be given several times. If the other region answers, the rules that are
    /// disabled there are left disabled as well
    #[arg(long = "except", value_name = "RULE", requires = "stack")]
    except: Vec<String>,
    #[command(flatten)]
    payment: PaymentPartner,
    /// The currency of prices, by ISO 4217; with --stack, the stack's own currency is used
    #[arg(long, conflicts_with = "stack", value_name = "CODE", default_value = Settings::DEFAULT.currency.code())]
    currency: Currency,
    /// Take over (default: dry run)
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The steps of a failover that differ between a deployed stack and two data directories. Each of
/// the two directories counts as a region.
#[async_trait]
trait Platform: Sync {
    /// The name of the region that was active, and the name of the region that takes over.
    fn regions(&self) -> &Regions;

    fn takeover(&self) -> Takeover<'_>;

    /// The store of the region that takes over.
    fn store(&self) -> &dyn Store;

    /// Stops the region that was active. Returns once neither region is active.
    async fn fence(&self) -> anyhow::Result<()>;

    /// Activates the region that takes over.
    async fn activate(&self) -> anyhow::Result<()>;

    /// Completes the failover once the region that takes over is active. For a stack, disables the
    /// rules of the other region. For data directories, copies the simulated partners' records.
    async fn finish(&self) -> anyhow::Result<()>;
}

pub(crate) async fn run(failover: &Failover) -> anyhow::Result<ExitCode> {
    match (&failover.stack, &failover.from) {
        (Some(stack), _) => deployed::run(failover, stack).await,
        (None, Some(from)) => directories::run(failover, from).await,
        (None, None) => {
            anyhow::bail!("add --from DIR, the directory of the shop that was used until now")
        }
    }
}

/// Whether the failover still has to be done.
enum State {
    /// The region that should take over is already active, and no failover to it was interrupted.
    Done,
    /// A failover has to be started, or an interrupted one continued. The set contains the orders
    /// that an interrupted failover was going to cancel; it is empty if no failover was
    /// interrupted.
    Pending(BTreeSet<OrderId>),
}

async fn state(platform: &dyn Platform) -> anyhow::Result<State> {
    let to = &platform.regions().to;
    let active = ActiveRegion::read(platform.store()).await?;
    let interrupted = interrupted(platform.store(), to).await?;
    let is_active = active.is_some_and(|active| active.is(to));
    Ok(match interrupted {
        None if is_active => State::Done,
        interrupted => State::Pending(interrupted.unwrap_or_default().cancels),
    })
}

/// Prints the plan of the takeover. Returns false if there is nothing to do.
async fn show(failover: &Failover, platform: &dyn Platform) -> anyhow::Result<bool> {
    let regions = platform.regions();
    if matches!(state(platform).await?, State::Done) {
        if failover.json {
            line!("{}", json!({ "active": regions.to }));
        } else {
            line!("{GOOD}{} is already active.{GOOD:#}", regions.to);
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

/// Records that the failover starts or continues. Until the failover is done, it counts as
/// interrupted.
async fn started(platform: &dyn Platform) -> anyhow::Result<(Begun, BTreeSet<OrderId>)> {
    let State::Pending(cancels) = state(platform).await? else {
        anyhow::bail!("another run of this command has completed the failover")
    };
    Ok((
        begin(platform.store(), &user(), platform.regions(), Step::Fence, &cancels).await?,
        cancels,
    ))
}

/// Takes over. If the takeover is interrupted, at any moment, this function can be called again.
async fn carry_out(
    failover: &Failover,
    platform: &dyn Platform,
    begun: Begun,
    mut cancels: BTreeSet<OrderId>,
) -> anyhow::Result<ExitCode> {
    let (store, regions, by) = (platform.store(), platform.regions(), user());
    platform.fence().await?;
    // Plans the takeover again, because more items and events may have arrived since the plan was
    // shown.
    let plan = platform.takeover().plan().await.context("the takeover cannot be planned")?;
    cancels.extend(plan.cancels.iter().cloned());
    let planned = begin(store, &by, regions, Step::Repair, &cancels).await?;
    let repaired = platform.takeover().repair(&plan).await?;
    cancels.extend(repaired.cancels.iter().cloned());
    platform.activate().await?;
    let resumed = platform.takeover().resume(&plan, &cancels).await?;
    platform.finish().await?;
    let outcome = json!({ "repaired": repaired, "resumed": resumed });
    planned.end(store, outcome).await?;
    begun.end(store, json!("done")).await?;
    conclude(failover, regions, &plan, &repaired, &resumed)
}

fn conclude(
    failover: &Failover,
    regions: &Regions,
    plan: &Plan,
    repaired: &Repaired,
    resumed: &Resumed,
) -> anyhow::Result<ExitCode> {
    if failover.json {
        print::json(plan, regions, Some((repaired, resumed)))?;
    } else {
        print::done(regions, repaired, resumed);
    }
    let all_done = repaired.by_hand.is_empty() && resumed.by_hand.is_empty();
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
