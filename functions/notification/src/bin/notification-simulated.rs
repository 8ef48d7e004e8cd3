//! The Notification service on Lambda, for every stage except prod. Amazon SES sends the emails if
//! a sender's address is configured; otherwise a simulated mailer stores them in a table.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_notification::SimulatedMailer;
use chorus_notification::deployed::{currency, ses};

fn main() -> ExitCode {
    chorus_aws::run(|kernel| {
        let simulated = || Arc::new(SimulatedMailer::new(Arc::clone(&kernel.store))) as _;
        Ok(chorus_notification::function(ses()?.unwrap_or_else(simulated), currency()?))
    })
}
