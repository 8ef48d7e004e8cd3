//! Passes on what the carrier's signed webhook says. What it means for the delivery is for the
//! actions to say that listen to it.

use chorus_events::commands::LogisticsStatus;
use chorus_events::logistics::{Delivered, DeliveryCanceled, DeliveryStarted};
use chorus_events::table::rows::{self, RelayLogisticsInput, RelayLogisticsOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct RelayLogistics;

impl Action for RelayLogistics {
    type Row = rows::RelayLogistics;

    fn reads(&self, _: &RelayLogisticsInput) -> Vec<Read> {
        Vec::new()
    }

    fn decide(
        &self,
        given: &Given<'_, RelayLogisticsInput>,
        _: &Loaded,
    ) -> Result<Decision<RelayLogisticsOutput>, Refusal> {
        let RelayLogisticsInput::LogisticsUpdate(update) = given.input;
        let order_id = update.order_id.clone();
        Ok(match update.status {
            LogisticsStatus::DeliveryStarted => Decision::emit(DeliveryStarted { order_id }),
            LogisticsStatus::Delivered => Decision::emit(Delivered { order_id }),
            LogisticsStatus::DeliveryCanceled => {
                let unsaid = || "the carrier gave no reason".to_owned();
                let reason = update.reason.clone().unwrap_or_else(unsaid);
                Decision::emit(DeliveryCanceled { order_id, reason })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::commands::LogisticsUpdate;
    use chorus_events::{Event, Outputs};
    use chorus_kernel::testing::decide;

    #[test]
    fn each_word_of_the_carrier_is_an_event_of_the_same_name() {
        for (status, name) in [
            (LogisticsStatus::DeliveryStarted, "DeliveryStarted"),
            (LogisticsStatus::Delivered, "Delivered"),
            (LogisticsStatus::DeliveryCanceled, "DeliveryCanceled"),
        ] {
            let update = LogisticsUpdate { status, ..LogisticsUpdate::sample() };
            let decision = decide(&RelayLogistics, update, &Loaded::default()).unwrap();
            assert_eq!(decision.events()[0].spec().detail_type, name);
        }
    }
}
