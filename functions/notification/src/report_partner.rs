//! Emails an operator when a partner (an external system) does not answer, and when the partner
//! answers again.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::table::rows::{
    self, ReportOutageInput, ReportOutageOutput, ReportRecoveryInput, ReportRecoveryOutput,
};
use chorus_kernel::{ActionError, CallContext, ExternalAction, OutcomeUnknown, People, Step};

use crate::operator_email::step;
use crate::templates::{outage, recovery};
use crate::{Delivery, Email, Mailer};

pub(crate) struct ReportOutage(pub(crate) Arc<dyn Mailer>);

#[async_trait]
impl ExternalAction for ReportOutage {
    type Row = rows::ReportOutage;
    type State = ();
    type Request = Email;
    type Response = Delivery;

    fn keys(&self, _: &ReportOutageInput) {}

    fn decide(
        &self,
        ReportOutageInput::PartnerUnavailable(event): &ReportOutageInput,
        (): &(),
        context: &CallContext<'_, Delivery>,
    ) -> Result<Step<Email, ReportOutageOutput>, ActionError> {
        step(outage(event), &event.partner, context.response)
    }

    async fn call(
        &self,
        email: &Email,
        key: &str,
        people: &People,
    ) -> Result<Delivery, OutcomeUnknown> {
        self.0.send(email, key, people).await
    }
}

pub(crate) struct ReportRecovery(pub(crate) Arc<dyn Mailer>);

#[async_trait]
impl ExternalAction for ReportRecovery {
    type Row = rows::ReportRecovery;
    type State = ();
    type Request = Email;
    type Response = Delivery;

    fn keys(&self, _: &ReportRecoveryInput) {}

    fn decide(
        &self,
        ReportRecoveryInput::PartnerRecovered(event): &ReportRecoveryInput,
        (): &(),
        context: &CallContext<'_, Delivery>,
    ) -> Result<Step<Email, ReportRecoveryOutput>, ActionError> {
        step(recovery(event), &event.partner, context.response)
    }

    async fn call(
        &self,
        email: &Email,
        key: &str,
        people: &People,
    ) -> Result<Delivery, OutcomeUnknown> {
        self.0.send(email, key, people).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipient;
    use crate::mailer::Mailbox;
    use chorus_events::outages::{PartnerRecovered, PartnerUnavailable};
    use chorus_kernel::testing::{Stored, message};
    use chorus_table::Event;

    #[test]
    fn an_operator_is_alerted_when_a_partner_does_not_answer_with_the_reason() {
        let (action, event) = (ReportOutage(Arc::new(Mailbox)), PartnerUnavailable::sample());
        let on = |response| {
            let stored = Stored::default();
            chorus_kernel::testing::step(&action, event.clone(), &message(), &stored, response)
        };
        let Ok(Step::Call { request, .. }) = on(None) else { panic!("the mailer is asked") };
        assert_eq!(request.recipient, Recipient::Operator);
        assert!(request.subject.contains(&event.partner), "{}", request.subject);
        assert!(request.body.contains(&event.reason), "{}", request.body);
        let Ok(Step::Done(decision)) = on(Some(&Delivery::Sent)) else { panic!("it was sent") };
        let [ReportOutageOutput::EmailSent(sent)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!((&*sent.about, &*sent.recipient), (&*event.partner, "operator"));
    }

    #[test]
    fn an_operator_is_alerted_when_a_partner_answers_again() {
        let (action, event) = (ReportRecovery(Arc::new(Mailbox)), PartnerRecovered::sample());
        let stored = Stored::default();
        let step = chorus_kernel::testing::step(&action, event.clone(), &message(), &stored, None);
        let Ok(Step::Call { request, .. }) = step else { panic!("the mailer is asked") };
        assert!(request.subject.contains(&event.partner), "{}", request.subject);
        assert_eq!(request.template, "PartnerRecovered");
    }
}
