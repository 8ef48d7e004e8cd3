//! The action of a row that only starts a state machine.

use std::marker::PhantomData;

use chorus_table::Row;

use crate::{Action, ActionError, Context, Decision, MachineSpec};

/// Starts an execution of `machine`. The execution's input is the event that the row consumes.
pub(crate) struct Starter<R> {
    machine: MachineSpec,
    row: PhantomData<R>,
}

impl<R> Starter<R> {
    pub(crate) const fn of(machine: MachineSpec) -> Self {
        Self { machine, row: PhantomData }
    }
}

impl<R: Row> Action for Starter<R> {
    type Row = R;
    type State = ();

    fn keys(&self, _: &R::Input) {}

    fn decide(
        &self,
        _: &R::Input,
        (): &(),
        context: &Context<'_>,
    ) -> Result<Decision<R::Output>, ActionError> {
        let note = format!("the state machine {} was started", self.machine.name);
        Ok(Decision::nothing(note).signal(self.machine.start(context)?))
    }
}
