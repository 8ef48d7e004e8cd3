//! The mailer that sends emails to people: it renders an email and hands it to a mail server.

use std::sync::Arc;

use askama::Template;
use async_trait::async_trait;
use chorus_kernel::{Failure, OutcomeUnknown, People};
use chorus_partners::mail::{Address, MailTransport, Message, SendError};
use uuid::Uuid;

use crate::{Delivery, Email, Mailer, Recipient};

/// The text that replaces addresses in a mail server's answer before the answer gets into events
/// and logs.
const REDACTED: &str = "(address)";

/// Sends emails by SMTP or SES.
///
/// Neither SMTP nor SES recognizes an idempotency key. If an answer is lost after the server
/// accepted an email, the email is sent again: one more copy for each lost answer. By SMTP, all
/// copies have the same Message-ID, which derives from the key; mailboxes that compare Message-IDs
/// show one copy.
pub struct TransportMailer {
    transport: Arc<dyn MailTransport>,
    from: Address,
    operator: Option<Address>,
}

impl std::fmt::Debug for TransportMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransportMailer").finish_non_exhaustive()
    }
}

impl TransportMailer {
    /// Returns a mailer whose emails name `from` as their sender. Emails to an operator go to the
    /// address `operator`; without this address, they bounce.
    #[must_use]
    pub fn new(
        transport: Arc<dyn MailTransport>,
        from: Address,
        operator: Option<Address>,
    ) -> Self {
        Self { transport, from, operator }
    }

    /// Returns the recipient's address and the whole text of an email, or the reason why the email
    /// cannot be sent.
    async fn address_and_text(
        &self,
        email: &Email,
        people: &People,
    ) -> Result<Result<(Address, String), &'static str>, OutcomeUnknown> {
        let Recipient::Customer { customer_id, name, email: address } = &email.recipient else {
            let operator = self.operator.clone().ok_or("no address of an operator is configured");
            return Ok(operator.map(|operator| (operator, email.body.clone())));
        };
        let opened = people
            .open(customer_id.as_str(), |opener| Some((opener.text(name)?, opener.text(address)?)));
        let unread = |error: Failure| {
            OutcomeUnknown(format!("the customer's address cannot be decrypted: {error}"))
        };
        let Some((name, address)) = opened.await.map_err(unread)? else {
            return Ok(Err("the customer was forgotten"));
        };
        let address = address.parse().map_err(|_| "the customer's address is not valid");
        Ok(address.map(|address| (address, format!("Dear {name},\n\n{}", email.body))))
    }
}

#[async_trait]
impl Mailer for TransportMailer {
    async fn send(
        &self,
        email: &Email,
        key: &str,
        people: &People,
    ) -> Result<Delivery, OutcomeUnknown> {
        let (to, text) = match self.address_and_text(email, people).await? {
            Ok(address_and_text) => address_and_text,
            Err(reason) => return Ok(Delivery::Bounced { reason: reason.to_owned() }),
        };
        let html = html(&email.subject, &text).map_err(|error| {
            OutcomeUnknown(format!("the email cannot be rendered as HTML: {error}"))
        })?;
        let message = Message {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).to_string(),
            from: self.from.clone(),
            to,
            subject: email.subject.clone(),
            text,
            html,
        };
        match self.transport.send(&message).await {
            Ok(()) => Ok(Delivery::Sent),
            Err(SendError::Refused(reason)) => {
                Ok(Delivery::Bounced { reason: without_addresses(&reason) })
            }
            Err(SendError::Deferred(reason)) => {
                Ok(Delivery::Deferred { reason: without_addresses(&reason) })
            }
            Err(error @ SendError::Unconfirmed(_)) => {
                Err(OutcomeUnknown(without_addresses(&error.to_string())))
            }
        }
    }
}

/// Replaces email addresses in a mail server's answer. Servers repeat the recipient's address,
/// which events must not contain.
fn without_addresses(answer: &str) -> String {
    let word = |word| if str::contains(word, '@') { REDACTED } else { word };
    answer.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[derive(Template)]
#[template(path = "email.html")]
struct Page<'a> {
    subject: &'a str,
    paragraphs: Vec<&'a str>,
}

fn html(subject: &str, text: &str) -> Result<String, askama::Error> {
    let paragraphs = text.split("\n\n").map(str::trim).collect();
    Page { subject, paragraphs }.render()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use chorus_kernel::SealingKey;
    use chorus_kernel::testing::people;
    use chorus_table::Sealed;

    /// A mail server that stores the messages it gets, and answers with `error` if there is one.
    #[derive(Default)]
    struct Server {
        taken: Mutex<Vec<Message>>,
        error: Option<SendError>,
    }

    #[async_trait]
    impl MailTransport for Server {
        async fn send(&self, message: &Message) -> Result<(), SendError> {
            self.taken.lock().unwrap().push(message.clone());
            self.error.clone().map_or(Ok(()), Err)
        }
    }

    fn email(address: &str, body: &str) -> Email {
        Email {
            recipient: Recipient::Customer {
                customer_id: "456".parse().unwrap(),
                name: Sealed::from("Ana <b>Trujillo</b>".to_owned()),
                email: Sealed::from(address.to_owned()),
            },
            template: "PaymentMade",
            subject: "We have your payment".to_owned(),
            body: body.to_owned(),
        }
    }

    fn mailer(server: &Arc<Server>) -> TransportMailer {
        let from = "orders@shop.example".parse().unwrap();
        TransportMailer::new(Arc::clone(server) as Arc<dyn MailTransport>, from, None)
    }

    async fn refused_with(error: SendError) -> Result<Delivery, OutcomeUnknown> {
        let server = Arc::new(Server { error: Some(error), ..Server::default() });
        mailer(&server).send(&email("ana@example.com", "thank you"), "a-key", &people()).await
    }

    #[tokio::test]
    async fn what_people_wrote_is_text_and_never_html() {
        let server = Arc::new(Server::default());
        let body = "<img src=x onerror=\"x()\">\n\n1 < 2 & 3\n";
        let sent = mailer(&server).send(&email("ana@example.com", body), "a-key", &people()).await;
        assert_eq!(sent.unwrap(), Delivery::Sent);
        let taken = server.taken.lock().unwrap();
        assert_eq!(taken[0].text, format!("Dear Ana <b>Trujillo</b>,\n\n{body}"));
        let html = &taken[0].html;
        assert!(!html.contains("<img") && !html.contains("<b>"), "{html}");
        assert_eq!(html.matches("<p ").count(), 3, "{html}");
    }

    #[tokio::test]
    async fn whoever_was_forgotten_gets_no_email() {
        let server = Arc::new(Server::default());
        let unreadable = SealingKey::new([9; 32]).seal("ana@example.com");
        let mut email = email("", "thank you");
        if let Recipient::Customer { email, .. } = &mut email.recipient {
            *email = unreadable;
        }
        let delivery = mailer(&server).send(&email, "a-key", &people()).await.unwrap();
        let reason = "the customer was forgotten".to_owned();
        assert_eq!(delivery, Delivery::Bounced { reason });
        assert!(server.taken.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_email_that_is_sent_again_keeps_its_message_id() {
        let server = Arc::new(Server::default());
        for key in ["a-key", "a-key", "another"] {
            mailer(&server)
                .send(&email("ana@example.com", "thank you"), key, &people())
                .await
                .unwrap();
        }
        let taken = server.taken.lock().unwrap();
        assert_eq!(taken[0].id, taken[1].id);
        assert_ne!(taken[0].id, taken[2].id);
    }

    #[tokio::test]
    async fn two_addresses_in_one_are_none() {
        let server = Arc::new(Server::default());
        for address in ["ana@example.com,all@example.com", "ana@example.com>\r\nRCPT", "ana"] {
            let delivery =
                mailer(&server).send(&email(address, "thank you"), "a-key", &people()).await;
            assert!(matches!(delivery, Ok(Delivery::Bounced { .. })), "{address}: {delivery:?}");
        }
        assert!(server.taken.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_bounce_has_the_reason_without_the_address() {
        let answer = "550 5.1.1 <ana@example.com>: no such user".to_owned();
        let bounced = refused_with(SendError::Refused(answer)).await.unwrap();
        let reason = "550 5.1.1 (address) no such user".to_owned();
        assert_eq!(bounced, Delivery::Bounced { reason });
    }

    #[tokio::test]
    async fn a_full_mailbox_is_an_answer_of_the_server() {
        let answer = "452 4.2.2 <ana@example.com>: mailbox full".to_owned();
        let deferred = refused_with(SendError::Deferred(answer)).await.unwrap();
        let reason = "452 4.2.2 (address) mailbox full".to_owned();
        assert_eq!(deferred, Delivery::Deferred { reason });
    }

    #[tokio::test]
    async fn an_email_that_nobody_confirmed_is_to_be_sent_again() {
        let unknown = refused_with(SendError::Unconfirmed("timed out".to_owned())).await;
        assert!(unknown.unwrap_err().to_string().contains("timed out"));
    }

    #[tokio::test]
    async fn an_alert_goes_to_the_operator_and_fails_where_none_is_configured() {
        let server = Arc::new(Server::default());
        let alert = Email { recipient: Recipient::Operator, ..email("", "look") };
        let mut mailer = mailer(&server);
        let nobody = mailer.send(&alert, "a-key", &people()).await.unwrap();
        assert!(matches!(nobody, Delivery::Bounced { .. }), "{nobody:?}");
        mailer.operator = Some("desk@shop.example".parse().unwrap());
        assert_eq!(mailer.send(&alert, "a-key", &people()).await.unwrap(), Delivery::Sent);
        assert_eq!(server.taken.lock().unwrap()[0].to.to_string(), "desk@shop.example");
    }
}
