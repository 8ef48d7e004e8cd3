//! The mailer and the currency of a deployed function, from its environment variables.

use std::sync::Arc;

use chorus_aws::{StartError, sdk_config, variable};
use chorus_events::Currency;
use chorus_partners::mail::{Address, Ses};

use crate::{Mailer, TransportMailer};

/// The environment variable with the address from which emails are sent.
pub const MAIL_FROM: &str = "MAIL_FROM";

/// Returns a mailer that sends by Amazon SES, from the address in [`MAIL_FROM`]; none if
/// `MAIL_FROM` is not set. Emails to the operator go to the address in `OPERATOR_EMAIL`.
///
/// # Errors
/// If one of the two variables is set to a text that is not an email address.
pub fn ses() -> Result<Option<Arc<dyn Mailer>>, StartError> {
    let Some(from) = address(MAIL_FROM)? else { return Ok(None) };
    let ses = Arc::new(Ses::new(&sdk_config()));
    Ok(Some(Arc::new(TransportMailer::new(ses, from, address("OPERATOR_EMAIL")?))))
}

/// Returns the currency of the amounts in emails, from the variable `CURRENCY`.
///
/// # Errors
/// If the variable is not set, or not a code of ISO 4217.
pub fn currency() -> Result<Currency, StartError> {
    chorus_aws::parsed("CURRENCY", "a code of ISO 4217")
}

fn address(name: &'static str) -> Result<Option<Address>, StartError> {
    let meaningless = |_| StartError::Meaningless { name, rule: "an email address" };
    variable(name).map(|value| value.parse().map_err(meaningless)).transpose()
}
