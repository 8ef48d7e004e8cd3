//! `chorus webhook`: prints or replaces the secret that the carrier signs its webhooks with.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use chorus_aws_operator::Operator;
use chorus_events::services;
use chorus_shop::{WebhookSecretFile, random_webhook_secret};
use chorus_webhook_signature::{KEPT_SECONDS, OVERLAP_SECONDS};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use crate::screen::{GOOD, called, line};

/// The environment variable with the secret's ARN, in the function that verifies webhooks.
const WEBHOOK_SECRET_ARN: &str = "WEBHOOK_SECRET_ARN";

/// Print or replace the secret that the carrier signs its webhooks with
#[derive(Debug, Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    what: What,
    /// The secret of the shop in this directory, running or not
    #[arg(long, value_name = "DIR", global = true, display_order = 801)]
    data: Option<PathBuf>,
    /// The secret of the shop that this CloudFormation stack deployed: on AWS, or at
    /// AWS_ENDPOINT_URL
    #[arg(long, value_name = "NAME", global = true, display_order = 803)]
    #[arg(conflicts_with = "data")]
    stack: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the secret, and nothing else
    Secret,
    /// Make a new secret
    ///
    /// The shop accepts both secrets for a week. Within that week, the carrier has to begin to sign
    /// with the new secret.
    Rotate {
        /// Stop accepting the previous secret at once, because others may know it
        #[arg(long)]
        revoke: bool,
    },
}

pub(crate) async fn run(webhook: &Webhook) -> anyhow::Result<ExitCode> {
    match (&webhook.stack, &webhook.data) {
        (Some(stack), _) => of_stack(&webhook.what, stack).await?,
        (None, Some(data)) => of_directory(&webhook.what, data)?,
        (None, None) => bail!("name the shop, by --data DIR or --stack NAME"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn of_stack(what: &What, stack: &str) -> anyhow::Result<()> {
    let operator = Operator::new(&chorus_aws::sdk_config(), stack);
    let secret = operator.secret(services::DELIVERY.name, WEBHOOK_SECRET_ARN).await?;
    match what {
        What::Secret => line!("{}", secret.current().await?),
        What::Rotate { revoke } => {
            secret.replace(&random_webhook_secret()?).await?;
            if *revoke {
                secret.revoke_previous().await?;
            }
            print_text(&format!("--stack {stack}"), Timestamp::now(), *revoke);
        }
    }
    Ok(())
}

fn of_directory(what: &What, data: &Path) -> anyhow::Result<()> {
    let there = data.display();
    ensure!(
        chorus_local::holds_engine(data),
        "there is no shop in {there}: `chorus up --data {there}` creates one"
    );
    let file = WebhookSecretFile::in_directory(data);
    let file = file.with_context(|| {
        format!("the shop in {there} has no webhook secret: `chorus up` creates one")
    })?;
    match what {
        What::Secret => line!("{}", file.current()?),
        What::Rotate { revoke } => {
            let now = Timestamp::now();
            file.rotate(now, *revoke)?;
            print_text(&format!("--data {there}"), now, *revoke);
        }
    }
    Ok(())
}

fn print_text(place: &str, now: Timestamp, revoked: bool) {
    let chorus = called();
    line!("{GOOD}The secret is new.{GOOD:#} `{chorus} webhook secret {place}` prints it.");
    if revoked {
        let minutes = KEPT_SECONDS / 60;
        line!(
            "The previous secret is rejected within {minutes} minutes: give the carrier the new secret."
        );
    } else {
        let until = now + SignedDuration::from_secs(OVERLAP_SECONDS);
        line!("The previous secret is accepted until {}.", until.strftime("%F %H:%M UTC"));
    }
}
