//! Emails an operator about an order that needs attention: work could not be undone, an amount
//! could not be charged, or a charge is disputed.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::Currency;
use chorus_events::table::rows::{self, AlertOperatorInput, AlertOperatorOutput};
use chorus_kernel::{ActionError, CallContext, ExternalAction, OutcomeUnknown, People, Step};

use crate::operator_email::step;
use crate::templates::{order_and_reason, to_operator};
use crate::{Delivery, Email, Mailer};

pub(crate) struct AlertOperator {
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) currency: Currency,
}

#[async_trait]
impl ExternalAction for AlertOperator {
    type Row = rows::AlertOperator;
    type State = ();
    type Request = Email;
    type Response = Delivery;

    fn keys(&self, _: &AlertOperatorInput) {}

    fn decide(
        &self,
        input: &AlertOperatorInput,
        (): &(),
        context: &CallContext<'_, Delivery>,
    ) -> Result<Step<Email, AlertOperatorOutput>, ActionError> {
        let (order_id, _) = order_and_reason(input);
        step(to_operator(input, self.currency), order_id.as_str(), context.response)
    }

    async fn call(
        &self,
        email: &Email,
        key: &str,
        people: &People,
    ) -> Result<Delivery, OutcomeUnknown> {
        self.mailer.send(email, key, people).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipient;
    use crate::mailer::Mailbox;
    use chorus_events::payment::ErrorPaymentCanceled;
    use chorus_kernel::testing::{Stored, message};
    use chorus_table::Event;

    fn decided(response: Option<&Delivery>) -> Step<Email, AlertOperatorOutput> {
        let (action, input) = (
            AlertOperator { mailer: Arc::new(Mailbox), currency: Currency::EUR },
            ErrorPaymentCanceled::sample(),
        );
        let stored = Stored::default();
        chorus_kernel::testing::step(&action, input, &message(), &stored, response).unwrap()
    }

    #[test]
    fn an_operator_is_alerted_to_a_refund_that_failed_with_the_reason() {
        let Step::Call { request, claim } = decided(None) else { panic!("the mailer is asked") };
        assert_eq!(request.recipient, Recipient::Operator);
        assert!(request.body.contains("refuses to refund"), "{}", request.body);
        assert!(claim.is_empty());
    }

    #[test]
    fn an_alert_sent_names_the_operator() {
        let step = decided(Some(&Delivery::Sent));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [AlertOperatorOutput::EmailSent(sent)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(sent.recipient, "operator");
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn an_alert_that_bounces_leaves_a_trace() {
        let step = decided(Some(&Delivery::Bounced { reason: "mailbox full".to_owned() }));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [AlertOperatorOutput::EmailFailed(failed)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(failed.reason, "mailbox full");
        assert!(decision.changes().is_empty());
    }
}
