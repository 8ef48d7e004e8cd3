//! The Notification service on Lambda, for any stage but prod: where no sender is named, a simulated
//! mailer keeps emails in a table.

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
