//! Folds the order's events, as the bus brings them, into the list that customers see.

use chorus_events::table::rows::{self, ProjectOrderInput, ProjectOrderOutput};
use chorus_kernel::{Action, Decision, Failure, Given, Loaded, Read, Refusal};

use crate::OrderView;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct ProjectOrder;

impl Action for ProjectOrder {
    type Row = rows::ProjectOrder;

    fn reads(&self, _: &ProjectOrderInput) -> Vec<Read> {
        Vec::new()
    }

    fn decide(
        &self,
        given: &Given<'_, ProjectOrderInput>,
        _: &Loaded,
    ) -> Result<Decision<ProjectOrderOutput>, Refusal> {
        let view = match given.input {
            ProjectOrderInput::OrderCreated(order) => OrderView::from(order),
            ProjectOrderInput::OrderCanceled(order) => OrderView::from(order),
            ProjectOrderInput::OrderDelivered(order) => OrderView::from(order),
        };
        let line = view.put().map_err(|error| Failure::corrupt("order view", &error))?;
        Ok(Decision::once(line))
    }
}
