//! The action of a row that starts a state machine: it decides nothing but that.

use std::marker::PhantomData;

use chorus_table::Row;
use serde_json::json;

use crate::{Action, ActionError, Context, Decision, Signal, derived_id};

/// Starts the machine of its row's name with the event, under a name that derives from the event's
/// idempotency key: a duplicate starts nothing.
pub(crate) struct Starter<R> {
    /// What the machine's choices compare with, see [`crate::MachineSpec::constants`].
    constants: &'static [(&'static str, i64)],
    row: PhantomData<R>,
}

impl<R> Starter<R> {
    pub(crate) const fn new(constants: &'static [(&'static str, i64)]) -> Self {
        Self { constants, row: PhantomData }
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
        let machine = R::SPEC.action.to_owned();
        let id = derived_id(&machine, &context.metadata().idempotency_key, 0);
        let name = format!("{machine}-{}", id.simple());
        let note = format!("{machine} goes on with it");
        let mut input = context.message.to_event()?;
        if !self.constants.is_empty() {
            let constants = self.constants.iter();
            input["constants"] = constants.map(|(name, value)| (*name, json!(value))).collect();
        }
        let start = Signal::Start { machine, name, input };
        Ok(Decision::nothing(note).signal(start))
    }
}
