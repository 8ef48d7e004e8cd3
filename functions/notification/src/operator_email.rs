//! An email to an operator: the step that sends the email, and the event that reports the result.

use chorus_events::notification::{EmailFailed, EmailSent};
use chorus_kernel::{ActionError, Decision, Step};

use crate::templates::Text;
use crate::{Delivery, Email, Recipient};

/// Without a response, returns the step that emails `text` to an operator. With a response, returns
/// the step that publishes whether the email was sent or bounced. `about` names an order or a
/// partner.
///
/// # Errors
/// If the mail server asks to send the email again later.
pub(crate) fn step<O: From<EmailSent> + From<EmailFailed>>(
    text: Text,
    about: &str,
    response: Option<&Delivery>,
) -> Result<Step<Email, O>, ActionError> {
    let Text { template, subject, body } = text;
    let (recipient, about) = (Recipient::Operator, about.to_owned());
    Ok(match response {
        None => {
            let request = Email { recipient, template, subject, body };
            Step::Call { request, claim: Vec::new() }
        }
        Some(Delivery::Sent) => {
            let recipient = recipient.name_on_the_bus().to_owned();
            Step::Done(Decision::emit(EmailSent {
                about,
                template: template.to_owned(),
                recipient,
            }))
        }
        Some(Delivery::Bounced { reason }) => {
            let (template, reason) = (template.to_owned(), reason.clone());
            Step::Done(Decision::emit(EmailFailed { about, template, reason }))
        }
        Some(Delivery::Deferred { reason }) => return Err(ActionError::Later(reason.clone())),
    })
}
