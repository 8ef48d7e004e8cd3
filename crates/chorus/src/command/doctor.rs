//! `chorus doctor`: problems of a shop, with the command that fixes each.

mod print;

use std::process::ExitCode;
use std::sync::Arc;

use chorus_aws::DynamoStore;
use chorus_aws_operator::{EndedExecution, FiringAlarm, Operator};
use chorus_kernel::Store;
use chorus_shop::doctor::{
    Checkup, CloudAlarm, DeployedRule, Depth, FailedExecution, Redriven, Unexamined, drift,
    examine, has_ended, sort_out,
};
use chorus_shop::{on_standby, unrecorded};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::replay::moment;
use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::provider::provider_of;
use crate::screen::line;
use crate::stack::Stack;

/// Report problems, with the command that fixes each
///
/// Report orders whose next event is overdue, errors that an operator must look at, money and stock
/// that do not add up, failed executions, records with unpublished events, files that cannot be
/// written, partners that do not answer, alarms of a stack, events that are tried again, dead
/// letters, and rules on the bus that differ from the design table. Exit 1 if there is a problem.
/// That a region is on standby is reported, but is not a problem.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only orders placed since WHEN: a time, or how long ago, such as 2h [default: 15 days ago]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let checkup = match doctor.stack.operator() {
        Some(operator) => deployed(doctor.since, &operator).await?,
        None => embedded(doctor).await?,
    };
    if doctor.json {
        line!("{}", serde_json::to_string_pretty(&checkup)?);
    } else {
        print::print(&checkup);
    }
    Ok(if checkup.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn embedded(doctor: &Doctor) -> anyhow::Result<Checkup> {
    let client = doctor.shop.client()?;
    let since = doctor.since.map(|since| format!("?since={since}")).unwrap_or_default();
    let checkup: Checkup = client.ask(ApiRequest::get(&format!("/operator/doctor{since}"))).await?;
    let rules: Vec<DeployedRule> = client.ask(ApiRequest::get("/operator/rules")).await?;
    Ok(Checkup { drift: drift(&rules, &chorus_events::table::TABLE.rules()), ..checkup })
}

/// Examines a stack: its tables, queues, executions and rules on AWS.
pub(crate) async fn deployed(
    since: Option<Timestamp>,
    operator: &Operator,
) -> anyhow::Result<Checkup> {
    let now = Timestamp::now();
    let since = since.unwrap_or(now - SignedDuration::from_hours(24 * 15));
    let store = Arc::new(operator.store().await?);
    let mut checkup = examine(&*store, now, since).await?;
    if let Some(region) = operator.one_of_two_regions().await? {
        checkup.standby = on_standby(&*store, &region).await?;
    }
    look_for_unrecorded_charges(operator, &store, since, &mut checkup).await?;
    let (unanswered, alarms) = sort_out(firing_alarms(operator).await?);
    checkup.unavailable.extend(unanswered);
    let queues = operator.dead_queues().await?.into_iter().filter(|queue| queue.letters > 0);
    let dead_letters =
        queues.map(|queue| Depth { queue: queue.name, letters: queue.letters }).collect();
    let redriven = operator.redrive_queues().await?.into_iter().filter(|queue| queue.letters > 0);
    let redriven =
        redriven.map(|queue| Redriven { queue: queue.name, events: queue.letters, since: None });
    let redriven = redriven.collect();
    let mut failed_executions = Vec::new();
    for ended in operator.failed_executions(since).await? {
        let EndedExecution { machine, name, correlation_id, status } = ended;
        if !has_ended(&*store, &correlation_id).await? {
            let (execution, order_id) = (name, correlation_id);
            failed_executions.push(FailedExecution { machine, execution, order_id, status });
        }
    }
    let rules = operator.rules().await?.into_iter();
    let rules: Vec<DeployedRule> =
        rules.map(|(name, pattern)| DeployedRule { name, pattern }).collect();
    let drift = drift(&rules, &chorus_events::table::TABLE.rules());
    let alarms = Some(alarms);
    Ok(Checkup { redriven, dead_letters, failed_executions, drift, alarms, ..checkup })
}

/// Adds to `checkup` the payment provider's charges of which the shop has no record. If the
/// provider's settings or key cannot be read, `checkup` says that no charges were examined.
async fn look_for_unrecorded_charges(
    operator: &Operator,
    store: &Arc<DynamoStore>,
    since: Timestamp,
    checkup: &mut Checkup,
) -> anyhow::Result<()> {
    match provider_of(operator, Arc::clone(store) as Arc<dyn Store>).await {
        Ok(provider) => {
            let found = unrecorded::findings(&**store, &*provider, since).await?;
            checkup.discrepancies.extend(found);
        }
        Err(error) => checkup.unexamined.push(Unexamined {
            what: "charges at the payment provider that the shop has not recorded".to_owned(),
            reason: format!("{error:#}"),
            remedy: "allow these credentials to read the configuration of the function payment and the secret \
                     StripeKeySecret, or set STRIPE_KEY to a key that may read PaymentIntents"
                .to_owned(),
        }),
    }
    Ok(())
}

async fn firing_alarms(operator: &Operator) -> anyhow::Result<Vec<CloudAlarm>> {
    let firing = operator.firing_alarms().await?.into_iter();
    let firing = firing.map(|it| {
        let FiringAlarm { name, description, since, reason } = it;
        CloudAlarm { name, since, description, reason }
    });
    Ok(firing.collect())
}
