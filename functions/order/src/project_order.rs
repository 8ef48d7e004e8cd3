//! Folds the order events from the bus into the list of orders that customers see.

use chorus_events::table::rows::{self, ProjectOrderInput, ProjectOrderOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Failure};

use crate::OrderView;

pub(crate) struct ProjectOrder;

impl Action for ProjectOrder {
    type Row = rows::ProjectOrder;
    type State = ();

    fn keys(&self, _: &ProjectOrderInput) {}

    fn decide(
        &self,
        input: &ProjectOrderInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<ProjectOrderOutput>, ActionError> {
        let view = match input {
            ProjectOrderInput::OrderCreated(order) => OrderView::from(order),
            ProjectOrderInput::OrderCanceled(order) => OrderView::from(order),
            ProjectOrderInput::OrderDelivered(order) => OrderView::from(order),
        };
        let line = view.put().map_err(|error| Failure::unwritable("order view", &error))?;
        Ok(Decision::once(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Condition, Write, number, text};
    use chorus_table::Event;

    fn line(input: impl Into<ProjectOrderInput>) -> Write {
        let decision = decide(&ProjectOrder, input, &Stored::default()).unwrap();
        let [line] = decision.changes() else { panic!("{decision:?}") };
        assert_eq!(decision, Decision::once(line.clone()), "its condition makes it happen once");
        line.clone()
    }

    #[test]
    fn an_order_that_has_ended_stays_so_in_whatever_order_the_events_arrive() {
        let stages = [
            (line(OrderCreated::sample()), "Open", 1),
            (line(OrderCanceled::sample()), "Canceled", 2),
            (line(OrderDelivered::sample()), "Delivered", 2),
        ];
        for (line, status, stage) in stages {
            let later = Condition::AbsentOrBelow { attribute: "stage", value: stage };
            assert_eq!(line.condition(), Some(&later));
            let Write::Put { item, .. } = line else { panic!("{line:?}") };
            assert_eq!(
                (text(&item, "status"), number(&item, "stage")),
                (Some(status), Some(stage))
            );
        }
    }
}
