//! The Notification service on Lambda: writes to customers, and to an operator.
//!
//! Its variables are those of [`chorus_aws::run`], and `MAIL_FROM` and `OPERATOR_EMAIL`: with the
//! first, emails go out by Amazon SES; without, the simulated mailer keeps them in a table.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_aws::{StartError, variable};
use chorus_kernel::Kernel;
use chorus_notification::{Mailer, SimulatedMailer, TransportMailer};
use chorus_partners::mail::{Address, Ses};

fn main() -> ExitCode {
    chorus_aws::run(|kernel| Ok(chorus_notification::function(mailer(kernel)?)))
}

fn mailer(kernel: &Kernel) -> Result<Arc<dyn Mailer>, StartError> {
    let Some(from) = address("MAIL_FROM")? else {
        return Ok(Arc::new(SimulatedMailer::new(Arc::clone(&kernel.store))));
    };
    let ses = Arc::new(Ses::new(&chorus_aws::sdk_config()));
    Ok(Arc::new(TransportMailer::new(ses, from, address("OPERATOR_EMAIL")?)))
}

fn address(name: &'static str) -> Result<Option<Address>, StartError> {
    let meaningless = |_| StartError::Meaningless { name, rule: "an email address" };
    variable(name).map(|value| value.parse().map_err(meaningless)).transpose()
}
