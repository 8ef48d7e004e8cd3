//! Rehearses an upgrade: how this release would handle the orders that an earlier release left in a
//! data directory. A copy of the directory runs on virtual time, with simulated partners, until
//! every order has ended or nothing more happens.

mod copy;
mod evidence;
mod rehearsed;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chorus_events::OrderId;
use chorus_kernel::Failure;
use chorus_local::DirectoryError;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::ShopError;
use chorus_order::Status;

use evidence::Evidence;
use rehearsed::RehearsedShop;

/// The longest virtual time of a rehearsal: longer than any state machine waits.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 65);

/// The kind of a problem that an upgrade can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// A stored item cannot be read.
    Unreadable,
    /// This release refuses an event or a request that the earlier release accepted.
    Refused,
    /// An order does not end.
    Stuck,
    /// An order is charged twice, or one message causes several different events of the same type.
    Repeated,
    /// Money or stock does not add up.
    Inconsistent,
}

/// A problem that an upgrade would cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    pub kind: ProblemKind,
    /// The order that the problem is about; absent if the problem is not about a single order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    pub what: String,
}

/// The result of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rehearsal {
    /// How many orders the data directory has.
    pub orders: usize,
    /// How many of the orders were open before the rehearsal.
    pub under_way: usize,
    /// How many of the open orders were delivered in the rehearsal.
    pub delivered: usize,
    /// How many of the open orders were canceled in the rehearsal.
    pub canceled: usize,
    /// The seconds of virtual time from the start of the rehearsal to the last change.
    pub seconds: i64,
    /// The problems, sorted by kind and order.
    pub problems: Vec<Problem>,
}

/// Why a rehearsal cannot run.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error(
        "there is no shop in {data}: name the data directory of a shop; `chorus up --data {data}` starts a \
         new one",
        data = .0.display()
    )]
    NoShop(PathBuf),
    #[error(
        "a shop runs on {}: stop it, or check a copy that `chorus backup` makes of it",
        .0.display()
    )]
    InUse(PathBuf),
    #[error("{} cannot be copied", .0.display())]
    Copy(PathBuf, #[source] std::io::Error),
    #[error("the copy of the shop on which the upgrade is rehearsed cannot be opened")]
    Open(#[from] ShopError),
    #[error("the files in the copy of the shop's data directory cannot be used together")]
    Directory(#[from] DirectoryError),
    #[error("the copy of the shop on which the upgrade is rehearsed cannot be run")]
    Engine(#[from] chorus_local::Error),
    #[error("the carrier's parcels in the shop's copy cannot be read")]
    Carrier(#[source] Failure),
    #[error("the payments and the stock in the shop's copy cannot be read")]
    Books(#[source] Failure),
}

/// Runs a copy of the shop in `data` on virtual time, which starts at `now`. Nothing is written
/// into `data`.
///
/// # Errors
/// If the shop cannot be copied, or the copy cannot run. Problems of the shop's orders are not an
/// error: the result lists them.
pub async fn rehearse(data: &Path, now: Timestamp) -> Result<Rehearsal, UpgradeError> {
    let copy = copy::of(data)?;
    let shop = RehearsedShop::open(copy.path(), now)?;
    let before = match shop.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(unreadable(&error)),
    };
    let evidence = Evidence::before(&shop).await?;
    let run = shop.run_until_rest(now + HORIZON).await;
    let mut problems = match run {
        Ok(()) => Vec::new(),
        Err(UpgradeError::Carrier(error)) => vec![Problem::about_no_order(
            ProblemKind::Unreadable,
            format!("the simulated carrier's data cannot be read: {error}"),
        )],
        Err(error) => return Err(error),
    };
    let after = match shop.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(unreadable(&error)),
    };
    problems.extend(evidence.problems(&shop, &before, &after).await?);
    problems.sort_unstable();
    problems.dedup();
    let ended = before.orders.iter().filter(|order| order.status != Status::Open);
    let ended: BTreeSet<&OrderId> = ended.map(|order| &order.order_id).collect();
    let ended_as = |status| {
        let orders = after.orders.iter().filter(|order| order.status == status);
        orders.filter(|order| !ended.contains(&order.order_id)).count()
    };
    Ok(Rehearsal {
        orders: after.orders.len(),
        under_way: before.count(Status::Open),
        delivered: ended_as(Status::Delivered),
        canceled: ended_as(Status::Canceled),
        seconds: shop.last_change().duration_since(now).as_secs(),
        problems,
    })
}

fn unreadable(error: &Failure) -> Rehearsal {
    let problem = Problem::about_no_order(ProblemKind::Unreadable, error.to_string());
    Rehearsal {
        orders: 0,
        under_way: 0,
        delivered: 0,
        canceled: 0,
        seconds: 0,
        problems: vec![problem],
    }
}

impl Problem {
    fn about_no_order(kind: ProblemKind, what: String) -> Self {
        Self { kind, order_id: None, what }
    }
}
