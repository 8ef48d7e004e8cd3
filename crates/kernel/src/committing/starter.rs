//! The action of a row that starts a state machine: it decides nothing but that.

use std::marker::PhantomData;

use chorus_table::Row;
use serde_json::json;

use crate::{Action, ActionError, Context, Decision, MachineSpec, Signal, derived_id};

/// Starts a machine with the event, under a name that derives from the event's idempotency key: a
/// duplicate starts nothing.
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
        let machine = self.machine.name.to_owned();
        let id = derived_id(&machine, &context.metadata().idempotency_key, 0);
        let name = format!("{machine}-{}", id.simple());
        let note = format!("{machine} goes on with it");
        let mut input = context.message.to_event()?;
        if !self.machine.constants.is_empty() {
            let constants = self.machine.constants.iter();
            input["constants"] = constants.map(|(name, value)| (*name, json!(value))).collect();
        }
        let start = Signal::Start { machine, name, input };
        Ok(Decision::nothing(note).signal(start))
    }
}
