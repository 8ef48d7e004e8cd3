//! The Notification service on Lambda: writes to customers, and to an operator.
//!
//! The function's environment variables are those of [`chorus_aws::run`] and of
//! [`chorus_notification::deployed`]. Emails are sent by Amazon SES. Any stage but prod runs
//! `notification-simulated` instead.

use std::process::ExitCode;

use chorus_aws::StartError;
use chorus_notification::deployed::{MAIL_FROM, currency, ses};

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let mailer = ses()?.ok_or(StartError::Missing(MAIL_FROM))?;
        Ok(chorus_notification::function(mailer, currency()?))
    })
}
