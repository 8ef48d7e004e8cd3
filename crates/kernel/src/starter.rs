//! The action of a row that starts a state machine: it decides nothing but that.

use std::convert::Infallible;
use std::marker::PhantomData;

use async_trait::async_trait;
use chorus_table::Row;

use crate::{
    Decision, Given, Loaded, Outreach, Read, Refusal, Signal, Step, Unanswered, derived_id,
};

/// Starts the machine of its row's name with the event, under a name that derives from the event's
/// idempotency key: a duplicate starts nothing.
pub(crate) struct Starter<R>(PhantomData<R>);

impl<R> Starter<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<R: Row> Outreach for Starter<R> {
    type Row = R;
    type Question = Infallible;
    type Answer = Infallible;

    fn reads(&self, _: &R::Input) -> Vec<Read> {
        Vec::new()
    }

    fn decide(
        &self,
        given: &Given<'_, R::Input>,
        _: &Loaded,
        _: Option<&Infallible>,
    ) -> Result<Step<Infallible, R::Output>, Refusal> {
        let machine = R::SPEC.action.to_owned();
        let id = derived_id(&machine, &given.metadata().idempotency_key, 0);
        let name = format!("{machine}-{}", id.simple());
        let note = format!("{machine} goes on with it");
        let input = given.message.to_event()?;
        let start = Signal::Start { machine, name, input };
        Ok(Step::Done(Decision::nothing(note).signal(start)))
    }

    async fn ask(&self, question: &Infallible, _: &str) -> Result<Infallible, Unanswered> {
        match *question {}
    }
}
