//! A mailer for laptops, demos and tests: it stores the emails in the table `outbox`.
//!
//! A customer's id selects how the mailer misbehaves:
//!
//! | the id contains | every email to that customer |
//! |---|---|
//! | `mail-bounces` | bounces |
//! | `mail-down` | gets no answer at the first two calls, and is sent at the third |
//! | `mail-twice` | is processed twice, as if the sender had repeated the call, and is sent once |

use std::sync::Arc;

use async_trait::async_trait;
use chorus_kernel::{
    Found, OutcomeUnknown, People, Store, StoreError, TableSpec, entity, load, save,
};
use chorus_table::Sealed;
use serde::{Deserialize, Serialize};

use crate::{Delivery, Email, Mailer, Recipient};

/// The table of the emails that the simulated mailer has processed.
pub const SIMULATED_MAILER_TABLE: TableSpec = TableSpec { name: "outbox", indexes: &[], ttl: None };

/// How many calls for an email to a `mail-down` customer get no answer before the email is sent.
const UNANSWERED: u32 = 2;

/// How many times the mailer tries to store an email if concurrent calls change the same email.
const ATTEMPTS: usize = 8;

/// An email, as the simulated mailer stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PostedEmail {
    /// The idempotency key that `send` was called with.
    pub key: String,
    /// A customer's id, or `operator`.
    pub recipient: String,
    /// The recipient's encrypted address, as `send` got it; absent for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    /// The detail type of the event that the email is about.
    pub template: String,
    pub subject: String,
    pub body: String,
    /// How many times `send` was called for this email.
    #[serde(rename = "asks")]
    pub calls: u32,
    /// How many times this email was sent: 0 or 1.
    #[serde(rename = "posts")]
    pub times_sent: u32,
}

entity!(PostedEmail: "letter" in SIMULATED_MAILER_TABLE, by key: String);

/// How the mailer treats one customer's emails, as this module's documentation describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailerBehaviour {
    Plain,
    Bounces,
    Down,
    Twice,
}

impl MailerBehaviour {
    fn of(recipient: &Recipient) -> Self {
        let id = recipient.name_on_the_bus();
        let words = [
            ("mail-bounces", Self::Bounces),
            ("mail-down", Self::Down),
            ("mail-twice", Self::Twice),
        ];
        words
            .into_iter()
            .find(|(word, _)| id.contains(word))
            .map_or(Self::Plain, |(_, words)| words)
    }

    /// Whether an email goes out when `send` is called for it the `call`th time, counted from 1.
    const fn sends_at(self, call: u32) -> bool {
        match self {
            Self::Plain | Self::Twice => true,
            Self::Bounces => false,
            Self::Down => call > UNANSWERED,
        }
    }
}

/// A mailer that stores emails in [`SIMULATED_MAILER_TABLE`]; a customer's id can make it fail.
#[derive(Clone)]
pub struct SimulatedMailer {
    store: Arc<dyn Store>,
}

impl std::fmt::Debug for SimulatedMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedMailer").finish_non_exhaustive()
    }
}

impl SimulatedMailer {
    /// Returns a mailer that stores its emails in [`SIMULATED_MAILER_TABLE`] of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Counts a call of `send` for the email, and marks the email as sent if this call sends it.
    async fn take(&self, email: &Email, key: &str) -> Result<PostedEmail, OutcomeUnknown> {
        let lost = |error: &dyn std::fmt::Display| OutcomeUnknown(format!("no answer: {error}"));
        for _ in 0..ATTEMPTS {
            let known: Found<PostedEmail> =
                load(&*self.store, key.to_owned()).await.map_err(|error| lost(&error))?;
            let before =
                known.as_ref().map_or_else(|| new_email(email, key), |known| known.value.clone());
            let calls = before.calls.saturating_add(1);
            let goes_out = MailerBehaviour::of(&email.recipient).sends_at(calls);
            let times_sent = before.times_sent.max(u32::from(goes_out));
            let taken = PostedEmail { calls, times_sent, ..before };
            match self.store.write(&[save(known.as_ref(), &taken)]).await {
                Ok(()) => return Ok(taken),
                Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(lost(&error)),
            }
        }
        Err(lost(&"too many concurrent writes of one email"))
    }
}

/// Returns the item of a new email. The item does not yet count any call of `send`.
fn new_email(email: &Email, key: &str) -> PostedEmail {
    let address = match &email.recipient {
        Recipient::Customer { email, .. } => Some(email.clone()),
        Recipient::Operator => None,
    };
    PostedEmail {
        key: key.to_owned(),
        recipient: email.recipient.name_on_the_bus().to_owned(),
        email: address,
        template: email.template.to_owned(),
        subject: email.subject.clone(),
        body: email.body.clone(),
        calls: 0,
        times_sent: 0,
    }
}

#[async_trait]
impl Mailer for SimulatedMailer {
    async fn send(&self, email: &Email, key: &str, _: &People) -> Result<Delivery, OutcomeUnknown> {
        let behaviour = MailerBehaviour::of(&email.recipient);
        let mut taken = self.take(email, key).await?;
        if behaviour == MailerBehaviour::Twice {
            taken = self.take(email, key).await?;
        }
        match behaviour {
            MailerBehaviour::Bounces => {
                Ok(Delivery::Bounced { reason: "no such mailbox".to_owned() })
            }
            MailerBehaviour::Down if taken.times_sent == 0 => {
                Err(OutcomeUnknown("the mailer is down".to_owned()))
            }
            _ => Ok(Delivery::Sent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::samples;
    use chorus_kernel::testing::people;
    use chorus_kernel::{Item, Key, MemoryStore, Page, Query, Write};

    fn email(customer: &str) -> Email {
        Email {
            recipient: Recipient::Customer {
                customer_id: customer.parse().unwrap(),
                name: samples::customer_name(),
                email: samples::email(),
            },
            template: "PaymentMade",
            subject: "We have your payment".to_owned(),
            body: "thank you".to_owned(),
        }
    }

    /// Calls `send` for the same email `times` times; returns every answer, and the stored email.
    async fn sent(customer: &str, times: u32) -> (Vec<Result<Delivery, String>>, PostedEmail) {
        let store = Arc::new(MemoryStore::new(&[SIMULATED_MAILER_TABLE]));
        let mailer = SimulatedMailer::new(Arc::clone(&store) as Arc<dyn Store>);
        let mut answers = Vec::new();
        for _ in 0..times {
            let answer = mailer.send(&email(customer), "a-key", &people()).await;
            answers.push(answer.map_err(|unknown| unknown.to_string()));
        }
        let kept: Found<PostedEmail> = load(&*store, "a-key".to_owned()).await.unwrap();
        (answers, kept.unwrap().value)
    }

    #[tokio::test]
    async fn an_email_asked_for_again_is_sent_once() {
        let (answers, email) = sent("456", 3).await;
        assert_eq!(answers, vec![Ok(Delivery::Sent); 3]);
        assert_eq!((email.calls, email.times_sent), (3, 1));
    }

    #[tokio::test]
    async fn a_customer_whose_mail_bounces_is_never_reached() {
        let (answers, email) = sent("ana-mail-bounces", 1).await;
        assert_eq!(answers, [Ok(Delivery::Bounced { reason: "no such mailbox".to_owned() })]);
        assert_eq!(email.times_sent, 0);
    }

    #[tokio::test]
    async fn a_mailer_that_is_down_works_at_the_third_time() {
        let (answers, email) = sent("mail-down.1", 4).await;
        let down = Err("the mailer is down".to_owned());
        let expected = [down.clone(), down, Ok(Delivery::Sent), Ok(Delivery::Sent)];
        assert_eq!(answers, expected);
        assert_eq!((email.calls, email.times_sent), (4, 1));
    }

    #[tokio::test]
    async fn an_email_handed_over_twice_is_sent_once() {
        let (answers, email) = sent("mail-twice", 1).await;
        assert_eq!(answers, [Ok(Delivery::Sent)]);
        assert_eq!((email.calls, email.times_sent), (2, 1));
    }

    /// A store that lets other tasks run before it returns the items that it has read.
    struct Slow(MemoryStore);

    #[async_trait]
    impl Store for Slow {
        async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
            let found = self.0.get(key).await;
            tokio::task::yield_now().await;
            found
        }

        async fn query(&self, query: &Query) -> Result<Page, StoreError> {
            self.0.query(query).await
        }

        async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
            self.0.write(writes).await
        }
    }

    #[tokio::test]
    async fn an_email_handled_twice_at_once_is_counted_twice_and_sent_once() {
        let store = Arc::new(Slow(MemoryStore::new(&[SIMULATED_MAILER_TABLE])));
        let mailer = SimulatedMailer::new(Arc::clone(&store) as Arc<dyn Store>);
        let email = email("456");
        let people = people();
        let (first, second) = tokio::join!(
            mailer.send(&email, "a-key", &people),
            mailer.send(&email, "a-key", &people)
        );
        assert_eq!((first.unwrap(), second.unwrap()), (Delivery::Sent, Delivery::Sent));
        let kept: Found<PostedEmail> = load(&*store, "a-key".to_owned()).await.unwrap();
        let kept = kept.unwrap();
        assert_eq!((kept.calls, kept.times_sent), (2, 1));
    }
}
