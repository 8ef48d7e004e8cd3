//! Notification: sends emails to customers about their orders, and to an operator about orders and
//! partners that need attention. Its read model stores each customer's name and email address from
//! the newest `CustomerUpdated`.

mod alert_operator;
mod contact;
mod correspondence;
#[cfg(feature = "lambda")]
pub mod deployed;
mod email;
mod learn_contact;
mod mailer;
pub mod mailer_suite;
mod operator_email;
mod report_partner;
mod send_email;
mod simulated_mailer;
mod templates;
mod transport_mailer;

pub use contact::Contact;
pub use correspondence::Correspondence;
pub use email::{Email, Recipient};
pub use mailer::{Delivery, Mailer};
pub use simulated_mailer::{PostedEmail, SIMULATED_MAILER_TABLE, SimulatedMailer};
pub use transport_mailer::TransportMailer;

use std::sync::Arc;

use chorus_events::{Currency, services};
use chorus_kernel::{Function, TableSpec};

/// Contacts, and the recipient of each order's emails.
pub const TABLE: TableSpec = TableSpec { name: "notification", indexes: &[], ttl: None };

/// Builds the service, which sends its emails by `mailer`. Amounts in emails are in `currency`.
#[must_use]
pub fn function(mailer: Arc<dyn Mailer>, currency: Currency) -> Function {
    Function::of(services::NOTIFICATION)
        .table(TABLE)
        .external_action(send_email::SendEmail { mailer: Arc::clone(&mailer), currency })
        .external_action(alert_operator::AlertOperator { mailer: Arc::clone(&mailer), currency })
        .external_action(report_partner::ReportOutage(Arc::clone(&mailer)))
        .external_action(report_partner::ReportRecovery(mailer))
        .action(learn_contact::LearnContact)
}
