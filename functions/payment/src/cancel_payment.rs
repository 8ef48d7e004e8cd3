//! Refunds what was charged for a canceled order, and sees to it that nothing will be.
//!
//! Where a charge was ever begun, exactly one event says how it ended: what went back, if only 0.
//! Where none was, there is nothing to say.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::payment::{ErrorPaymentCanceled, PaymentCanceled};
use chorus_events::table::rows::{self, CancelPaymentInput, CancelPaymentOutput};
use chorus_kernel::{Given, Loaded, Outreach, Read, Refusal, Step, Unanswered};

use crate::outreach::{self, Answer, Case, Question};
use crate::transitions::Fact;
use crate::{Payment, PaymentProvider, Status};

/// The row, in code.
pub(crate) struct CancelPayment {
    provider: Arc<dyn PaymentProvider>,
}

impl CancelPayment {
    /// Refunds by this provider.
    pub(crate) fn by(provider: Arc<dyn PaymentProvider>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl Outreach for CancelPayment {
    type Row = rows::CancelPayment;
    type Question = Question;
    type Answer = Answer;

    fn reads(&self, CancelPaymentInput::OrderCanceled(order): &CancelPaymentInput) -> Vec<Read> {
        vec![Read::entity::<Payment>(&order.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, CancelPaymentInput>,
        loaded: &Loaded,
        answer: Option<&Answer>,
    ) -> Result<Step<Question, CancelPaymentOutput>, Refusal> {
        let CancelPaymentInput::OrderCanceled(order) = given.input;
        let read = loaded.entity::<Payment>(&order.order_id)?;
        let case = Case::new(&order.order_id, read, &given.metadata.idempotency_key);
        let fact = match answer {
            Some(Answer::Refund(answer)) => Fact::Refund(answer),
            Some(Answer::Charge(_)) | None => Fact::Cancellation,
        };
        case.step(&fact, said)
    }

    /// The key that derives from the message is left unused, see [`crate::charge_key`].
    async fn ask(&self, question: &Question, _: &str) -> Result<Answer, Unanswered> {
        outreach::ask(&*self.provider, question).await
    }
}

fn said(payment: &Payment) -> Option<CancelPaymentOutput> {
    let order_id = payment.order_id.clone();
    match payment.status {
        Status::Refunded | Status::Canceled => {
            Some(PaymentCanceled { order_id, refunded: payment.refunded }.into())
        }
        Status::RefundRefused => {
            let reason = payment.reason.clone()?;
            Some(ErrorPaymentCanceled { order_id, reason }.into())
        }
        _ => None,
    }
}
