//! The services' functions, with the tables of the simulated partners.

use chorus_events::services;
use chorus_http::HttpFunction;
use chorus_notification::SIMULATED_MAILER_TABLE;
use chorus_payment::SIMULATED_PROVIDER_TABLE;

/// All functions. The simulated payment provider and mailer store their data in tables of the
/// services that call them.
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
