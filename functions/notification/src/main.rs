//! The Notification service on Lambda: writes to customers, and to an operator.
//!
//! Its variables are those of [`chorus_aws::run`]. The mailer is the simulated one, which keeps
//! its emails in a table; a real one stands in its place here.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_notification::SimulatedMailer;

fn main() -> ExitCode {
    chorus_aws::run(|kernel| {
        let mailer = SimulatedMailer::new(Arc::clone(&kernel.store));
        Ok(chorus_notification::function(Arc::new(mailer)))
    })
}
