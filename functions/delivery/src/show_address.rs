//! Gives the carrier the address of a parcel, once. A request with another id is rejected after
//! that.

use chorus_events::table::rows::{self, ShowAddressInput, ShowAddressOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, replace, state};

use crate::{CarrierCallback, Delivery, Status};

state! {
    pub(crate) struct Shown read by ShownKeys {
        pub(crate) delivery: Found<Delivery>,
        wait: Found<CarrierCallback>,
    }
}

#[derive(Debug)]
pub(crate) struct ShowAddress;

impl Action for ShowAddress {
    type Row = rows::ShowAddress;
    type State = Shown;

    fn keys(&self, ShowAddressInput::ShowAddress(asked): &ShowAddressInput) -> ShownKeys {
        ShownKeys { delivery: asked.order_id.clone(), wait: asked.handle.clone() }
    }

    fn decide(
        &self,
        ShowAddressInput::ShowAddress(asked): &ShowAddressInput,
        Shown { delivery, wait }: &Shown,
        context: &Context<'_>,
    ) -> Result<Decision<ShowAddressOutput>, ActionError> {
        let is_its_handle = wait.as_ref().is_some_and(|wait| wait.subject == asked.order_id);
        let Some(delivery) = delivery.as_ref().filter(|_| is_its_handle) else {
            let why = format!("no parcel of order {} has this handle", asked.order_id);
            return Err(ActionError::NotFound(why));
        };
        if delivery.status != Status::Started {
            let why = format!("the parcel of order {} is not on its way", asked.order_id);
            return Err(ActionError::Conflict(why));
        }
        if delivery.address_shown_at.is_some() {
            let why = format!(
                "the address of order {} was shown to another request before",
                asked.order_id
            );
            return Err(ActionError::Conflict(why));
        }
        let address_shown_at = Some(context.metadata().occurred_at);
        let shown = Delivery { address_shown_at, ..delivery.value.clone() };
        Ok(Decision::nothing("the carrier was shown the address").with(replace(delivery, &shown)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{change, sample};
    use chorus_events::commands::ShowAddress as Command;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn decided(delivery: &Delivery) -> Result<Decision<ShowAddressOutput>, ActionError> {
        let wait = CarrierCallback::of(samples::order_id(), "a-token");
        let asked = Command { handle: wait.handle.clone(), ..Command::sample() };
        decide(&ShowAddress, asked, &Stored::default().with(1, delivery).with(2, &wait))
    }

    #[test]
    fn the_carrier_is_shown_where_its_parcel_goes_once() {
        let decision = decided(&sample(Status::Started)).unwrap();
        let address_shown_at = Some(samples::moment());
        let shown = Delivery { address_shown_at, ..sample(Status::Started) };
        assert_eq!(decision.changes(), [change(Status::Started, &shown)]);
        assert!(matches!(decided(&shown), Err(ActionError::Conflict(_))));
    }

    #[test]
    fn nobody_is_shown_where_a_parcel_goes_that_is_not_theirs() {
        for status in [Status::Estimated, Status::Delivered, Status::Canceled] {
            assert!(matches!(decided(&sample(status)), Err(ActionError::Conflict(_))));
        }
        let another = CarrierCallback::of("another".parse().unwrap(), "a-token");
        let asked = Command { handle: another.handle.clone(), ..Command::sample() };
        let stored = Stored::default().with(1, &sample(Status::Started)).with(1, &another);
        let refused = decide(&ShowAddress, asked, &stored);
        assert!(matches!(refused, Err(ActionError::NotFound(_))));
    }
}
