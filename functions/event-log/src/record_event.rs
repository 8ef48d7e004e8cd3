//! Stores an event permanently.

use chorus_events::table::rows::{self, RecordEventOutput};
use chorus_kernel::{Action, ActionError, Context, Decision};
use chorus_table::AnyEvent;

use crate::logged_event::store_once;

pub(crate) struct RecordEvent;

impl Action for RecordEvent {
    type Row = rows::RecordEvent;
    type State = ();

    fn keys(&self, _: &AnyEvent) {}

    fn decide(
        &self,
        AnyEvent { detail_type, data }: &AnyEvent,
        (): &(),
        context: &Context<'_>,
    ) -> Result<Decision<RecordEventOutput>, ActionError> {
        Ok(Decision::once(store_once(detail_type, context.metadata(), data)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::{order::OrderCreated, samples};
    use chorus_kernel::testing::{Stored, decide, metadata};
    use chorus_kernel::{Condition, Write, text};
    use chorus_table::Event;

    fn recorded(detail_type: &str) -> Write {
        let data = serde_json::value::to_raw_value(&OrderCreated::sample()).unwrap();
        let event = AnyEvent { detail_type: detail_type.to_owned(), data };
        let decision = decide(&RecordEvent, event, &Stored::default()).unwrap();
        let [change] = decision.changes() else { panic!("{decision:?}") };
        change.clone()
    }

    #[test]
    fn an_event_is_kept_under_its_order_and_its_own_id_once() {
        let Write::Put { key, item, condition } = recorded("OrderCreated") else {
            panic!("an event is put")
        };
        assert_eq!(key.pk, samples::order_id().as_str());
        assert_eq!(key.sk, metadata().event_id.to_string());
        assert_eq!(text(&item, "source"), Some("com.orders"));
        assert_eq!(condition, Some(Condition::Absent));
    }

    #[test]
    fn an_event_that_the_contract_does_not_know_is_kept_too() {
        let Write::Put { item, .. } = recorded("SomethingElse") else { panic!("an event is put") };
        assert_eq!(text(&item, "detail-type"), Some("SomethingElse"));
        assert_eq!(text(&item, "source"), None);
    }
}
