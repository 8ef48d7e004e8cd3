//! The Notification service on Lambda: it sends emails to customers and to an operator.
//!
//! The function's environment variables are those of [`chorus_aws::run`] and of
//! [`chorus_notification::deployed`]. Amazon SES sends the emails. Only the stage prod runs this
//! program; every other stage runs `notification-simulated`.

use std::process::ExitCode;

use chorus_aws::StartError;
use chorus_notification::deployed::{MAIL_FROM, currency, ses};

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let mailer = ses()?.ok_or(StartError::Missing(MAIL_FROM))?;
        Ok(chorus_notification::function(mailer, currency()?))
    })
}
