//! Enterprise: publishes the shop's public events. The design table's row `ForwardOutcome` has no
//! code: the row's EventBridge rule forwards the public events to the enterprise's bus in another
//! account (docs/adr/0014).

mod publish_outcome;

use chorus_events::{Currency, services};
use chorus_kernel::Function;

/// Builds the service of a shop whose prices are in this currency.
#[must_use]
pub fn function(currency: Currency) -> Function {
    Function::of(services::ENTERPRISE).action(publish_outcome::PublishOutcome(currency))
}
