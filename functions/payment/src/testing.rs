//! Given this payment, with that answer, what is decided: for tests of decisions.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::samples;
use chorus_kernel::testing::{message, metadata};
use chorus_kernel::{Given, Loaded, Outreach, Refusal, Step, Unanswered, Write};
use chorus_table::{Event, Row};

use crate::outreach::{Answer, Question};
use crate::{Charge, ChargeAnswer, Payment, PaymentProvider, Refund, RefundAnswer, Status};

/// The payment of the samples, charged by the message of the samples.
pub(crate) fn payment(status: Status) -> Payment {
    Payment {
        status,
        customer_id: Some(samples::customer_id()),
        amount: Some(samples::total()),
        charged_by: Some(metadata().idempotency_key),
        ..Payment::new(samples::order_id())
    }
}

/// The charge of the samples.
pub(crate) fn charged() -> ChargeAnswer {
    let charge_id = chorus_events::payment::PaymentMade::sample().charge_id;
    ChargeAnswer::Charged { charge_id }
}

/// What `action` decides.
pub(crate) fn decided<A: Outreach<Question = Question, Answer = Answer>>(
    action: &A,
    input: &<A::Row as Row>::Input,
    known: Option<&Payment>,
    answer: Option<&Answer>,
) -> Result<Step<Question, <A::Row as Row>::Output>, Refusal> {
    let loaded = Loaded::default();
    let loaded = match known {
        Some(payment) => loaded.with(3, payment),
        None => loaded,
    };
    action.decide(&Given { input, message: &message() }, &loaded, answer)
}

/// What a decision says, and the payment that it keeps.
pub(crate) fn kept<O: Clone + std::fmt::Debug>(
    step: &Step<Question, O>,
) -> (Vec<O>, Option<Payment>) {
    let Step::Done(decision) = step else { panic!("a question, not a decision: {step:?}") };
    let payment = decision.changes().iter().find_map(|write| match write {
        Write::Put { item, .. } => serde_dynamo::from_item(item.clone()).ok(),
        _ => None,
    });
    (decision.events().to_vec(), payment)
}

/// A provider for decisions, which never ask.
pub(crate) fn no_provider() -> Arc<dyn PaymentProvider> {
    struct NoProvider;

    #[async_trait]
    impl PaymentProvider for NoProvider {
        async fn charge(&self, _: &Charge, _: &str) -> Result<ChargeAnswer, Unanswered> {
            Err(Unanswered("a decision never asks".to_owned()))
        }

        async fn refund(&self, _: &Refund, _: &str) -> Result<RefundAnswer, Unanswered> {
            Err(Unanswered("a decision never asks".to_owned()))
        }
    }
    Arc::new(NoProvider)
}
