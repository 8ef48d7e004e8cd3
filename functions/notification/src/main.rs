//! The Notification service on Lambda: writes to customers, and to an operator.
//!
//! Its variables are those of [`chorus_aws::run`] and of [`chorus_notification::deployed`]: emails go out
//! by Amazon SES. Any stage but prod runs `notification-simulated` instead.

use std::process::ExitCode;

use chorus_aws::StartError;
use chorus_notification::deployed::{MAIL_FROM, ses};

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        Ok(chorus_notification::function(ses()?.ok_or(StartError::Missing(MAIL_FROM))?))
    })
}
