//! Abandons a failover that was interrupted before it repaired any table: the region that was
//! active before becomes active again.

use std::process::ExitCode;

use chorus_aws::{DynamoStore, sdk_config_in};
use chorus_aws_operator::Operator;
use chorus_kernel::{ActiveRegion, Store, Versioned};
use chorus_shop::failover::{Regions, Step, begin, interrupted};
use jiff::Timestamp;
use serde_json::json;

use super::Failover;
use crate::screen::{DIM, GOOD, line};
use crate::stack::user;

/// Makes the region `--to` active again, from which the region `next` began to take over. `read` is
/// the item that names the active region, in `store`.
pub(super) async fn abandon(
    failover: &Failover,
    stack: &str,
    store: &DynamoStore,
    read: &Versioned<ActiveRegion>,
    next: &str,
) -> anyhow::Result<ExitCode> {
    let to = &failover.to;
    let other = Operator::new(&sdk_config_in(next), stack);
    let audit = other.store().await?;
    if interrupted(&audit, next).await?.is_some_and(|it| it.repairs) {
        anyhow::bail!(
            "the failover to {next} was interrupted when it had begun to repair the tables of \
             {next}: complete it with --to {next}, then fail back"
        )
    }
    if !failover.yes {
        if failover.json {
            line!("{}", json!({ "active": null, "interrupted": next }));
        } else {
            line!("The failover to {next} was interrupted before it repaired any table.");
            line!("{DIM}Nothing was changed. Add --yes to abandon it and to activate {to}.{DIM:#}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    // The audit log records an abandoned failover as a failover in the other direction.
    let regions = Regions { from: next.to_owned(), to: to.clone() };
    let begun = begin(&audit, &user(), &regions, Step::Fence, &[].into()).await?;
    other.accept_replication().await?;
    store.write(&[ActiveRegion::taken_over(Some(read), to, Timestamp::now())]).await?;
    begun.end(&audit, json!("abandoned")).await?;
    if failover.json {
        line!("{}", json!({ "active": to, "abandoned": next }));
    } else {
        line!("{GOOD}The failover to {next} is abandoned, and {to} is active again.{GOOD:#}");
    }
    Ok(ExitCode::SUCCESS)
}
