//! An action that has to ask the outside world: still pure, in steps.

use std::convert::Infallible;

use async_trait::async_trait;
use chorus_table::Row;

use crate::{Action, Decision, Given, Loaded, Read, Refusal, Step, Unanswered};

/// An action whose decision may need an answer from outside: a charge, a letter.
///
/// `decide` is pure. It is run first without an answer; where it says [`Step::Ask`], the kernel
/// commits the claim, asks with an idempotency key derived from the message's own, and runs it
/// again on a fresh read with the answer. A crash at any point leads to the same question with
/// the same key.
#[async_trait]
pub trait Outreach: Send + Sync + 'static {
    /// Its row: what it consumes and what it emits.
    type Row: Row;
    /// What it asks.
    type Question: Send + Sync;
    /// What it is told.
    type Answer: Send + Sync;

    /// What it must see before it decides.
    fn reads(&self, input: &<Self::Row as Row>::Input) -> Vec<Read>;

    /// Decides, or says what has to be asked first.
    ///
    /// # Errors
    /// See [`Refusal`].
    fn decide(
        &self,
        given: &Given<'_, <Self::Row as Row>::Input>,
        loaded: &Loaded,
        answer: Option<&Self::Answer>,
    ) -> Result<Step<Self::Question, <Self::Row as Row>::Output>, Refusal>;

    /// Asks, with the idempotency key `key`.
    ///
    /// # Errors
    /// Where no answer came; whether the other side acted is unknown, so it is asked again with
    /// the same key.
    async fn ask(&self, question: &Self::Question, key: &str) -> Result<Self::Answer, Unanswered>;
}

/// An action that never asks, as an [`Outreach`]: so that the kernel's way is written once.
#[derive(Debug)]
pub struct Pure<A>(pub A);

#[async_trait]
impl<A: Action> Outreach for Pure<A> {
    type Row = A::Row;
    type Question = Infallible;
    type Answer = Infallible;

    fn reads(&self, input: &<A::Row as Row>::Input) -> Vec<Read> {
        self.0.reads(input)
    }

    fn decide(
        &self,
        given: &Given<'_, <A::Row as Row>::Input>,
        loaded: &Loaded,
        _: Option<&Infallible>,
    ) -> Result<Step<Infallible, <A::Row as Row>::Output>, Refusal> {
        let decision: Decision<_> = self.0.decide(given, loaded)?;
        Ok(Step::Done(decision))
    }

    async fn ask(&self, question: &Infallible, _: &str) -> Result<Infallible, Unanswered> {
        match *question {}
    }
}
