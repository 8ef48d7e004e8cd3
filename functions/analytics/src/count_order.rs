//! Counts orders and their totals, by how they ended.

use chorus_events::table::rows::{self, CountOrderInput, CountOrderOutput};
use chorus_events::{Money, OrderId};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, add, create};

use crate::Count;

pub(crate) struct CountOrder;

impl Action for CountOrder {
    type Row = rows::CountOrder;
    type State = Found<Count>;

    fn keys(&self, input: &CountOrderInput) -> String {
        Count::part_of(subject(input).0)
    }

    fn decide(
        &self,
        input: &CountOrderInput,
        counted: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<CountOrderOutput>, ActionError> {
        let (order_id, total) = subject(input);
        let (part, worth) = (Count::part_of(order_id), total.minor());
        let (orders, worths) = match input {
            CountOrderInput::OrderCreated(_) => (Count::PLACED, Count::PLACED_WORTH),
            CountOrderInput::OrderCanceled(_) => (Count::CANCELED, Count::CANCELED_WORTH),
            CountOrderInput::OrderDelivered(_) => (Count::DELIVERED, Count::DELIVERED_WORTH),
        };
        Ok(Decision::nothing("counted").with(match counted {
            None => create(&first(part, input, worth)),
            Some(_) => add(&part, &[(orders, 1), (worths, worth)]),
        }))
    }
}

fn subject(input: &CountOrderInput) -> (&OrderId, Money) {
    match input {
        CountOrderInput::OrderCreated(order) => (&order.order_id, order.total),
        CountOrderInput::OrderCanceled(order) => (&order.order_id, order.total),
        CountOrderInput::OrderDelivered(order) => (&order.order_id, order.total),
    }
}

/// Returns a part that has counted one order.
fn first(part: String, input: &CountOrderInput, worth: i64) -> Count {
    let none = Count { part, ..Count::default() };
    match input {
        CountOrderInput::OrderCreated(_) => Count { placed: 1, placed_worth: worth, ..none },
        CountOrderInput::OrderCanceled(_) => Count { canceled: 1, canceled_worth: worth, ..none },
        CountOrderInput::OrderDelivered(_) => {
            Count { delivered: 1, delivered_worth: worth, ..none }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
    use chorus_events::samples;
    use chorus_kernel::Write;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn change(input: impl Into<CountOrderInput>, stored: &Stored) -> Write {
        let decision = decide(&CountOrder, input, stored).unwrap();
        let [change] = decision.changes() else { panic!("{decision:?}") };
        change.clone()
    }

    fn none() -> Count {
        Count { part: Count::part_of(&samples::order_id()), ..Count::default() }
    }

    #[test]
    fn the_first_order_of_a_part_begins_its_count() {
        let first = Count { placed: 1, placed_worth: 23_751, ..none() };
        assert_eq!(change(OrderCreated::sample(), &Stored::default()), create(&first));
    }

    #[test]
    fn every_ending_is_counted_with_its_worth() {
        let (stored, part) = (Stored::default().with(1, &none()), none().part);
        let added = |orders, worth| add(&part, &[(orders, 1), (worth, 23_751)]);
        let placed = change(OrderCreated::sample(), &stored);
        assert_eq!(placed, added(Count::PLACED, Count::PLACED_WORTH));
        let canceled = change(OrderCanceled::sample(), &stored);
        assert_eq!(canceled, added(Count::CANCELED, Count::CANCELED_WORTH));
        let delivered = change(OrderDelivered::sample(), &stored);
        assert_eq!(delivered, added(Count::DELIVERED, Count::DELIVERED_WORTH));
    }

    #[test]
    fn an_ending_that_overtakes_its_order_is_counted_too() {
        let first = Count { canceled: 1, canceled_worth: 23_751, ..none() };
        assert_eq!(change(OrderCanceled::sample(), &Stored::default()), create(&first));
        let first = Count { delivered: 1, delivered_worth: 23_751, ..none() };
        assert_eq!(change(OrderDelivered::sample(), &Stored::default()), create(&first));
    }

    #[test]
    fn every_counter_is_a_field_of_the_count() {
        let fields = serde_json::to_value(none()).unwrap();
        let all = [
            Count::PLACED,
            Count::PLACED_WORTH,
            Count::CANCELED,
            Count::CANCELED_WORTH,
            Count::DELIVERED,
            Count::DELIVERED_WORTH,
        ];
        for counter in all {
            assert!(fields[counter.attribute()].is_i64(), "{counter:?}");
        }
    }
}
