//! Emails the customer about an order: the payment has to be confirmed, the amount is held or
//! charged, or the order is on its way, delivered or canceled.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::notification::{EmailFailed, EmailSent};
use chorus_events::table::rows::{self, SendEmailInput, SendEmailOutput};
use chorus_events::{Currency, CustomerId, OrderId};
use chorus_kernel::{
    ActionError, CallContext, Decision, ExternalAction, Found, IfNamed, OutcomeUnknown, People,
    Step, save, state,
};

use crate::templates::to_customer;
use crate::{Contact, Correspondence, Delivery, Email, Mailer};

state! {
    pub(crate) struct Addresses read by AddressKeys {
        correspondence: Found<Correspondence>,
        contact: IfNamed<Contact>,
    }
}

/// Why the event `DeliveryStarted` is retried. The event does not name the customer. The recipient
/// is stored when an earlier email about the order is sent or refused, so the event has to wait for
/// that email.
const EARLIER_EMAIL: &str = "no earlier email about the order has been sent or refused yet";

pub(crate) struct SendEmail {
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) currency: Currency,
}

#[async_trait]
impl ExternalAction for SendEmail {
    type Row = rows::SendEmail;
    type State = Addresses;
    type Request = Email;
    type Response = Delivery;

    fn keys(&self, input: &SendEmailInput) -> AddressKeys {
        let (order_id, customer_id) = subject(input);
        AddressKeys { correspondence: order_id.clone(), contact: customer_id.cloned() }
    }

    fn decide(
        &self,
        input: &SendEmailInput,
        Addresses { correspondence: known, contact: IfNamed(contact) }: &Addresses,
        context: &CallContext<'_, Delivery>,
    ) -> Result<Step<Email, SendEmailOutput>, ActionError> {
        let (order_id, customer_id) = subject(input);
        let current = contact.as_ref().map(|contact| Correspondence::with(order_id, contact));
        let without = customer_id.map(|it| Correspondence::without_address(order_id, it));
        let stored = || known.as_ref().map(|known| known.value.clone());
        let Some(correspondence) = current.or_else(stored).or(without) else {
            return Err(ActionError::Later(EARLIER_EMAIL.to_owned()));
        };
        let unchanged = known.as_ref().is_some_and(|known| known.value == correspondence);
        let news = (!unchanged).then(|| save(known.as_ref(), &correspondence));
        let text = to_customer(input, self.currency);
        let (about, template) = (order_id.to_string(), text.template.to_owned());
        if !correspondence.has_address() {
            let reason = "no address is known".to_owned();
            let failed = Decision::emit(EmailFailed { about, template, reason });
            return Ok(Step::Done(failed.with_all(news)));
        }
        let recipient = correspondence.recipient();
        let decision = match context.response {
            None => {
                let (template, subject, body) = (text.template, text.subject, text.body);
                let request = Email { recipient, template, subject, body };
                return Ok(Step::Call { request, claim: Vec::new() });
            }
            Some(Delivery::Sent) => {
                let recipient = recipient.name_on_the_bus().to_owned();
                Decision::emit(EmailSent { about, template, recipient })
            }
            Some(Delivery::Deferred { reason }) => return Err(ActionError::Later(reason.clone())),
            Some(Delivery::Bounced { reason }) => {
                Decision::emit(EmailFailed { about, template, reason: reason.clone() })
            }
        };
        Ok(Step::Done(decision.with_all(news)))
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

/// Returns the order that the event is about, and the customer if the event has a `customer_id`.
fn subject(input: &SendEmailInput) -> (&OrderId, Option<&CustomerId>) {
    match input {
        SendEmailInput::ConfirmationRequired(event) => (&event.order_id, Some(&event.customer_id)),
        SendEmailInput::PaymentAuthorized(event) => (&event.order_id, Some(&event.customer_id)),
        SendEmailInput::PaymentMade(event) => (&event.order_id, Some(&event.customer_id)),
        SendEmailInput::DeliveryStarted(event) => (&event.order_id, None),
        SendEmailInput::OrderCanceled(event) => (&event.order_id, Some(&event.customer_id)),
        SendEmailInput::OrderDelivered(event) => (&event.order_id, Some(&event.customer_id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::Mailbox;
    use chorus_events::customer::CustomerUpdated;
    use chorus_events::logistics::DeliveryStarted;
    use chorus_events::payment::PaymentMade;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, message, step};
    use chorus_kernel::{Versioned, create, replace};
    use chorus_table::Event;

    fn decided(
        input: impl Into<SendEmailInput>,
        stored: &Stored,
        response: Option<&Delivery>,
    ) -> Step<Email, SendEmailOutput> {
        step(
            &SendEmail { mailer: Arc::new(Mailbox), currency: Currency::EUR },
            input,
            &message(),
            stored,
            response,
        )
        .unwrap()
    }

    fn contact() -> Contact {
        Contact::from(&CustomerUpdated::sample())
    }

    fn correspondence() -> Correspondence {
        Correspondence::with(&samples::order_id(), &contact())
    }

    #[test]
    fn an_email_goes_to_the_customers_address() {
        let stored = Stored::default().with(1, &contact());
        let Step::Call { request, .. } = decided(PaymentMade::sample(), &stored, None) else {
            panic!("the mailer is asked")
        };
        assert_eq!(request.recipient, correspondence().recipient());
        assert!(request.body.contains("237.51 EUR"), "{}", request.body);
    }

    #[test]
    fn an_email_sent_is_published_without_the_address() {
        let stored = Stored::default().with(1, &contact());
        let step = decided(PaymentMade::sample(), &stored, Some(&Delivery::Sent));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [SendEmailOutput::EmailSent(sent)] = decision.events() else { panic!("{decision:?}") };
        assert_eq!((sent.template.as_str(), sent.recipient.as_str()), ("PaymentMade", "456"));
        let kept = create(&correspondence());
        assert_eq!(decision.changes(), [kept], "stored for events that name no customer");
    }

    #[test]
    fn an_email_that_bounces_is_published_with_the_reason() {
        let stored = Stored::default().with(1, &contact());
        let bounced = Delivery::Bounced { reason: "no such mailbox".to_owned() };
        let step = decided(PaymentMade::sample(), &stored, Some(&bounced));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [SendEmailOutput::EmailFailed(failed)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(failed.reason, "no such mailbox");
        assert_eq!(decision.changes(), [create(&correspondence())]);
    }

    #[test]
    fn an_email_that_the_mailbox_does_not_accept_now_is_sent_again_later() {
        let stored = Stored::default().with(1, &contact());
        let full = Delivery::Deferred { reason: "mailbox full".to_owned() };
        let action = SendEmail { mailer: Arc::new(Mailbox), currency: Currency::EUR };
        let later = step(&action, PaymentMade::sample(), &message(), &stored, Some(&full));
        assert!(matches!(later, Err(ActionError::Later(_))), "{later:?}");
    }

    #[test]
    fn an_unknown_customer_gets_no_email_and_the_mailer_is_not_called() {
        let step = decided(PaymentMade::sample(), &Stored::default(), None);
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let [SendEmailOutput::EmailFailed(failed)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(failed.reason, "no address is known");
        let (order_id, customer_id) = (samples::order_id(), samples::customer_id());
        let kept = create(&Correspondence::without_address(&order_id, &customer_id));
        assert_eq!(decision.changes(), [kept], "later events of the order need not wait");
    }

    #[test]
    fn an_event_that_names_no_customer_waits_for_the_orders_first_email() {
        let (started, stored) = (DeliveryStarted::sample(), Stored::default());
        let action = SendEmail { mailer: Arc::new(Mailbox), currency: Currency::EUR };
        let later = step(&action, started.clone(), &message(), &stored, None);
        assert!(matches!(later, Err(ActionError::Later(_))), "{later:?}");
        let nobody = Correspondence::without_address(&samples::order_id(), &samples::customer_id());
        let step = decided(started, &Stored::default().with(1, &nobody), None);
        let Step::Done(decision) = step else { panic!("{step:?}") };
        assert!(matches!(decision.events(), [SendEmailOutput::EmailFailed(_)]));
    }

    #[test]
    fn whoever_was_erased_gets_no_email() {
        let stored = Stored::default()
            .with(1, &correspondence())
            .with(2, &Contact::erased(samples::customer_id()));
        let step = decided(PaymentMade::sample(), &stored, None);
        let Step::Done(decision) = step else { panic!("{step:?}") };
        assert!(matches!(decision.events(), [SendEmailOutput::EmailFailed(_)]));
    }

    #[test]
    fn an_event_that_names_no_customer_reaches_whom_the_order_was_written_to_before() {
        let stored = Stored::default().with(1, &correspondence());
        let Step::Call { request, .. } = decided(DeliveryStarted::sample(), &stored, None) else {
            panic!("the mailer is asked")
        };
        assert_eq!(request.recipient, correspondence().recipient());
        let step = decided(DeliveryStarted::sample(), &stored, Some(&Delivery::Sent));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        assert!(decision.changes().is_empty(), "nothing new was learned");
    }

    #[test]
    fn a_customer_who_moved_is_written_to_at_the_new_address() {
        let moved = Contact { email: samples::customer_name(), ..contact() };
        let stored = Stored::default().with(2, &moved).with(1, &correspondence());
        let Step::Call { request, .. } = decided(PaymentMade::sample(), &stored, None) else {
            panic!("the mailer is asked")
        };
        let moved = Correspondence::with(&samples::order_id(), &moved);
        assert_eq!(request.recipient, moved.recipient());
        let step = decided(PaymentMade::sample(), &stored, Some(&Delivery::Sent));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        let before = Versioned { version: 1, value: correspondence() };
        assert_eq!(decision.changes(), [replace(&before, &moved)]);
    }
}
