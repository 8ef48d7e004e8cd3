//! For a failed region that runs again: asks the partners to undo what that region had requested of
//! them for orders that the failover lost.

use std::process::ExitCode;

use chorus_shop::audit::{self, Act};
use chorus_shop::takeover::{Takeover, UnknownOrders};
use jiff::Timestamp;
use serde_json::json;

use super::{Failover, Platform, print};
use crate::stack::user;

/// The kind of the audit's entry.
const UNDO: &str = "undo-lost-orders";

/// Disables the rules of the region that was active before, and asks the partners to undo their
/// part in the orders that the active region does not know. Without --yes, only prints these orders.
pub(super) async fn undo(failover: &Failover, platform: &dyn Platform) -> anyhow::Result<ExitCode> {
    let (takeover, store, regions) = (platform.takeover(), platform.store(), platform.regions());
    if !failover.yes {
        print::undone(failover.json, regions, &takeover.unknown_orders().await?, None);
        return Ok(ExitCode::SUCCESS);
    }
    let asked = json!({ "from": regions.0, "to": regions.1 });
    let act = Act { at: Timestamp::now(), by: &user(), what: UNDO, asked };
    let begun = audit::begin(store, act).await?;
    let undone = disable_and_undo(platform, &takeover).await;
    let outcome = |(unknown, by_hand): &(UnknownOrders, Vec<String>)| {
        let UnknownOrders { refunds, recalls } = unknown;
        json!({ "refunds": print::listed(refunds), "recalls": recalls, "by-hand": by_hand })
    };
    let (unknown, by_hand) = begun.end_with(store, undone, outcome).await?;
    print::undone(failover.json, regions, &unknown, Some(&by_hand));
    Ok(if by_hand.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns what had to be undone, and the steps of it that a person has to do.
async fn disable_and_undo(
    platform: &dyn Platform,
    takeover: &Takeover<'_>,
) -> anyhow::Result<(UnknownOrders, Vec<String>)> {
    platform.finish().await?;
    let unknown = takeover.unknown_orders().await?;
    let by_hand = takeover.undo(&unknown.refunds, &unknown.recalls).await;
    Ok((unknown, by_hand))
}
