//! For a failed region that runs again: asks the partners to undo what that region had requested of
//! them for orders that the failover lost.

use std::process::ExitCode;

use chorus_shop::audit::{self, Act};
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
    platform.finish().await?;
    let unknown = takeover.unknown_orders().await?;
    let (refunds, recalls) = (print::listed(&unknown.refunds), &unknown.recalls);
    let asked = json!({
        "from": regions.0, "to": regions.1, "refunds": refunds, "recalls": recalls,
    });
    let act = Act { at: Timestamp::now(), by: &user(), what: UNDO, asked };
    let begun = audit::begin(store, act).await?;
    let by_hand = takeover.undo(&unknown.refunds, &unknown.recalls).await;
    begun.end(store, json!({ "by-hand": by_hand })).await?;
    print::undone(failover.json, regions, &unknown, Some(&by_hand));
    Ok(if by_hand.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
