//! Lists the services' functions, and adds the simulated partners' tables to the functions that use
//! them.

use chorus_events::services;
use chorus_http::HttpFunction;
use chorus_notification::SIMULATED_MAILER_TABLE;
use chorus_payment::SIMULATED_PROVIDER_TABLE;

/// Returns all functions. The simulated payment provider stores its data in a table of the Payment
/// service, and the simulated mailer in a table of the Notification service.
pub(crate) fn all() -> Vec<HttpFunction> {
    let mut functions = chorus_services::described();
    let books = [
        (services::PAYMENT, SIMULATED_PROVIDER_TABLE),
        (services::NOTIFICATION, SIMULATED_MAILER_TABLE),
    ];
    for HttpFunction { function, .. } in &mut functions {
        let own = books.iter().filter(|(service, _)| *service == function.service);
        function.tables.extend(own.map(|(_, table)| *table));
    }
    functions
}
