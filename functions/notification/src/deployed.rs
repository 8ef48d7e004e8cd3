//! Who sends emails for a deployed function, by its variables.

use std::sync::Arc;

use chorus_aws::{StartError, sdk_config, variable};
use chorus_partners::mail::{Address, Ses};

use crate::{Mailer, TransportMailer};

/// The variable with the sender of emails.
pub const MAIL_FROM: &str = "MAIL_FROM";

/// Amazon SES, for the sender in [`MAIL_FROM`] and, to operators, the address in `OPERATOR_EMAIL`;
/// nobody, where no sender is named.
///
/// # Errors
/// Where a variable is no email address.
pub fn ses() -> Result<Option<Arc<dyn Mailer>>, StartError> {
    let Some(from) = address(MAIL_FROM)? else { return Ok(None) };
    let ses = Arc::new(Ses::new(&sdk_config()));
    Ok(Some(Arc::new(TransportMailer::new(ses, from, address("OPERATOR_EMAIL")?))))
}

fn address(name: &'static str) -> Result<Option<Address>, StartError> {
    let meaningless = |_| StartError::Meaningless { name, rule: "an email address" };
    variable(name).map(|value| value.parse().map_err(meaningless)).transpose()
}
