//! For a failed region that runs again: undoes that region's charges and parcels for orders that
//! the active region does not know. Cancels known orders whose parcels only that region handed in.

use std::process::ExitCode;

use chorus_shop::audit::{self, Act};
use chorus_shop::takeover::{Takeover, Unmatched};
use jiff::Timestamp;
use serde_json::json;

use super::{Failover, Platform, print};
use crate::stack::user;

/// The kind of this command's entry in the audit log.
const UNDO: &str = "undo-lost-orders";

/// Disables the rules of the region that was active before. Then undoes the charges and parcels
/// that do not fit the orders of the active region. Without --yes, only prints these charges and
/// parcels.
pub(super) async fn undo(failover: &Failover, platform: &dyn Platform) -> anyhow::Result<ExitCode> {
    let (takeover, store, regions) = (platform.takeover(), platform.store(), platform.regions());
    if !failover.yes {
        print::undone(failover.json, regions, &takeover.unmatched().await?, None);
        return Ok(ExitCode::SUCCESS);
    }
    let asked = json!({ "from": regions.from, "to": regions.to });
    let act = Act { at: Timestamp::now(), by: &user(), what: UNDO, asked };
    let begun = audit::begin(store, act).await?;
    let undone = disable_and_undo(platform, &takeover).await;
    let outcome =
        |(unmatched, by_hand): &(Unmatched, Vec<String>)| print::undone_as_json(unmatched, by_hand);
    let (unmatched, by_hand) = begun.end_with(store, undone, outcome).await?;
    print::undone(failover.json, regions, &unmatched, Some(&by_hand));
    Ok(if by_hand.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the charges and parcels that did not fit the orders of the active region, and the steps
/// that a person still has to do.
async fn disable_and_undo(
    platform: &dyn Platform,
    takeover: &Takeover<'_>,
) -> anyhow::Result<(Unmatched, Vec<String>)> {
    platform.finish().await?;
    let unmatched = takeover.unmatched().await?;
    let by_hand = takeover.undo(&unmatched).await;
    Ok((unmatched, by_hand))
}
