//! The Order service on Lambda: accepts orders, and cancels or completes them.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads
//! `ORDER_ID_SECRET_ARN`: the ARN of the secret from which the ids of new orders derive.
//! `HOME_COUNTRY`, `REVIEW_ABOVE`, `CURRENCY` and `ORDERS_PER_MINUTE` are the shop's settings.

use std::process::ExitCode;

use chorus_aws::{StartError, parsed, secret_named_by};
use chorus_events::Settings;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let id_secret = secret_named_by("ORDER_ID_SECRET_ARN")?;
        let settings = Settings {
            home_country: parsed("HOME_COUNTRY", "a code of ISO 3166")?,
            review_above: parsed("REVIEW_ABOVE", "an amount of money")?,
            currency: parsed("CURRENCY", "a code of ISO 4217")?,
            orders_per_minute: orders_per_minute()?,
            ..Settings::DEFAULT
        };
        Ok(chorus_order::function(id_secret, settings))
    })
}

fn orders_per_minute() -> Result<u32, StartError> {
    let (name, rule) = ("ORDERS_PER_MINUTE", "a whole number, at most 60000");
    let limit = parsed(name, rule)?;
    if limit > Settings::MAX_ORDERS_PER_MINUTE {
        return Err(StartError::Meaningless { name, rule });
    }
    Ok(limit)
}
