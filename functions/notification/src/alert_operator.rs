//! Tells an operator that something could not be undone.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::notification::{EmailFailed, EmailSent};
use chorus_events::table::rows::{self, AlertOperatorInput, AlertOperatorOutput};
use chorus_kernel::{Decision, Given, Loaded, Outreach, Read, Refusal, Step, Unanswered};

use crate::templates::{to_operator, trouble};
use crate::{Delivery, Letter, Mailer, Recipient};

/// The row, in code.
pub(crate) struct AlertOperator(pub(crate) Arc<dyn Mailer>);

#[async_trait]
impl Outreach for AlertOperator {
    type Row = rows::AlertOperator;
    type Question = Letter;
    type Answer = Delivery;

    fn reads(&self, _: &AlertOperatorInput) -> Vec<Read> {
        Vec::new()
    }

    fn decide(
        &self,
        given: &Given<'_, AlertOperatorInput>,
        _: &Loaded,
        answer: Option<&Delivery>,
    ) -> Result<Step<Letter, AlertOperatorOutput>, Refusal> {
        let text = to_operator(given.input);
        let (order_id, _) = trouble(given.input);
        let (about, template) = (order_id.to_string(), text.template.to_owned());
        let recipient = Recipient::Operator;
        Ok(match answer {
            None => {
                let (template, subject, body) = (text.template, text.subject, text.body);
                let question = Letter { recipient, template, subject, body };
                Step::Ask { question, claim: Vec::new() }
            }
            Some(Delivery::Sent) => {
                let recipient = recipient.name_on_the_bus().to_owned();
                Step::Done(Decision::emit(EmailSent { about, template, recipient }))
            }
            Some(Delivery::Bounced { reason }) => {
                let reason = reason.clone();
                Step::Done(Decision::emit(EmailFailed { about, template, reason }))
            }
        })
    }

    async fn ask(&self, letter: &Letter, key: &str) -> Result<Delivery, Unanswered> {
        self.0.send(letter, key).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mailbox, decide};
    use chorus_events::payment::ErrorPaymentCanceled;
    use chorus_table::Event;

    fn decided(answer: Option<&Delivery>) -> Step<Letter, AlertOperatorOutput> {
        let action = AlertOperator(Arc::new(Mailbox));
        decide(&action, ErrorPaymentCanceled::sample(), (&Loaded::default(), answer))
    }

    #[test]
    fn an_operator_hears_of_a_refund_that_failed_and_why() {
        let Step::Ask { question, .. } = decided(None) else { panic!("the mailer is asked") };
        assert_eq!(question.recipient, Recipient::Operator);
        assert!(question.body.contains("refuses to refund"), "{}", question.body);
    }

    #[test]
    fn an_alert_sent_names_the_operator() {
        let step = decided(Some(&Delivery::Sent));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [AlertOperatorOutput::EmailSent(sent)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(sent.recipient, "operator");
    }

    #[test]
    fn an_alert_that_bounces_leaves_a_trace() {
        let step = decided(Some(&Delivery::Bounced { reason: "mailbox full".to_owned() }));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [AlertOperatorOutput::EmailFailed(failed)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(failed.reason, "mailbox full");
    }
}
