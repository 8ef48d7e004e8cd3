//! Charges the order; one of high value only once it is approved.
//!
//! Where a cancellation overtakes the charge, the charge is given back here and nothing is said:
//! the rows' own event, `PaymentCanceled`, is `CancelPayment`'s to say.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::payment::{PaymentFailed, PaymentMade};
use chorus_events::table::rows::{self, MakePaymentInput, MakePaymentOutput};
use chorus_kernel::{Given, Loaded, Outreach, Read, Refusal, Step, Unanswered};

use crate::outreach::{self, Answer, Case, Question};
use crate::transitions::Fact;
use crate::{Payment, PaymentProvider, Status};

/// The row, in code.
pub(crate) struct MakePayment {
    provider: Arc<dyn PaymentProvider>,
}

impl MakePayment {
    /// Charges by this provider.
    pub(crate) fn by(provider: Arc<dyn PaymentProvider>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl Outreach for MakePayment {
    type Row = rows::MakePayment;
    type Question = Question;
    type Answer = Answer;

    fn reads(&self, input: &MakePaymentInput) -> Vec<Read> {
        vec![Read::entity::<Payment>(order_of(input))]
    }

    fn decide(
        &self,
        given: &Given<'_, MakePaymentInput>,
        loaded: &Loaded,
        answer: Option<&Answer>,
    ) -> Result<Step<Question, MakePaymentOutput>, Refusal> {
        let order_id = order_of(given.input);
        let read = loaded.entity::<Payment>(order_id)?;
        let case = Case::new(order_id, read, &given.metadata.idempotency_key);
        let fact = match (answer, given.input) {
            (Some(Answer::Charge(answer)), _) => Fact::Charge(answer),
            (Some(Answer::Refund(answer)), _) => Fact::LateRefund(answer),
            (None, _) if case.holds_the_fence() => Fact::Again,
            (None, MakePaymentInput::DeliveryEstimated(estimate)) => {
                Fact::Estimate(&estimate.customer_id, estimate.total)
            }
            (None, MakePaymentInput::OrderApproved(_)) => Fact::Approval,
        };
        case.step(&fact, said)
    }

    /// The key that derives from the message is left unused, see [`crate::charge_key`].
    async fn ask(&self, question: &Question, _: &str) -> Result<Answer, Unanswered> {
        outreach::ask(&*self.provider, question).await
    }
}

fn order_of(input: &MakePaymentInput) -> &OrderId {
    match input {
        MakePaymentInput::DeliveryEstimated(estimate) => &estimate.order_id,
        MakePaymentInput::OrderApproved(approval) => &approval.order_id,
    }
}

fn said(payment: &Payment) -> Option<MakePaymentOutput> {
    let (order_id, customer_id) = (payment.order_id.clone(), payment.customer_id.clone()?);
    match payment.status {
        Status::Charged => {
            let (amount, charge_id) = (payment.amount?, payment.charge_id.clone()?);
            Some(PaymentMade { order_id, customer_id, amount, charge_id }.into())
        }
        Status::Failed => {
            let reason = payment.reason.clone()?;
            Some(PaymentFailed { order_id, customer_id, reason }.into())
        }
        _ => None,
    }
}
