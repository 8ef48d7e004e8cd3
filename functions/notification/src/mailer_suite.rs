//! Tests of the promises that [`Mailer`] documents. The same suite runs on every mailer, so that
//! tests with the simulated mailer are valid for the mailers that speak SMTP and SES.
//!
//! A [`Harness`] connects the suite to a mailer.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::CustomerId;
use chorus_kernel::testing::people;
use chorus_kernel::{OutcomeUnknown, People};
use chorus_table::Sealed;

use crate::{Delivery, Email, Mailer, Recipient};

/// The state of a customer's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    Open,
    /// The mailbox does not exist.
    Missing,
    Full,
    /// The first attempts to send an email to this mailbox get no answer.
    Silent,
}

/// A mailer under test.
#[async_trait]
pub trait Harness: Sync {
    fn mailer(&self) -> Arc<dyn Mailer>;

    /// Returns a customer whose mailbox is in this state; none if the state is impossible with this
    /// mailer. The customer's email address is the customer's id at `example.com`.
    fn customer(&self, mailbox: Mailbox) -> Option<CustomerId>;

    /// Returns how many emails have arrived for a recipient: a customer's id, or `operator`. If
    /// copies are recognized, all copies of an email count as one.
    async fn arrived(&self, recipient: &str) -> usize;

    /// Whether all copies of an email have the same id, by which a mailbox can recognize the
    /// copies.
    fn copies_are_recognized(&self) -> bool;
}

/// Runs all checks. Returns the states of mailboxes that are impossible with this mailer; their
/// checks were not run.
///
/// # Panics
/// If the mailer breaks a promise of the port.
pub async fn run(harness: &dyn Harness) -> Vec<Mailbox> {
    let mut missing = Vec::new();
    for mailbox in [Mailbox::Open, Mailbox::Missing, Mailbox::Full, Mailbox::Silent] {
        let Some(customer_id) = harness.customer(mailbox) else {
            missing.push(mailbox);
            continue;
        };
        let suite = Suite { harness, people: people(), customer_id };
        match mailbox {
            Mailbox::Open => suite.is_sent_once().await,
            Mailbox::Missing => suite.is_rejected(true).await,
            Mailbox::Full => suite.is_rejected(false).await,
            Mailbox::Silent => suite.is_sent_although_answers_are_lost().await,
        }
    }
    missing
}

struct Suite<'a> {
    harness: &'a dyn Harness,
    people: People,
    customer_id: CustomerId,
}

impl Suite<'_> {
    fn customer(&self) -> Recipient {
        Recipient::Customer {
            customer_id: self.customer_id.clone(),
            name: Sealed::from("Ana".to_owned()),
            email: Sealed::from(format!("{}@example.com", self.customer_id)),
        }
    }

    /// Sends an email under a key that no other recipient's emails have.
    async fn send(&self, recipient: Recipient, key: &str) -> Result<Delivery, OutcomeUnknown> {
        let key = format!("{key} of {}", recipient.name_on_the_bus());
        let email = Email {
            recipient,
            template: "PaymentMade",
            subject: "We have your payment".to_owned(),
            body: "thank you".to_owned(),
        };
        self.harness.mailer().send(&email, &key, &self.people).await
    }

    async fn arrived(&self) -> usize {
        self.harness.arrived(self.customer_id.as_str()).await
    }

    async fn is_sent_once(&self) {
        for key in ["one-key", "one-key", "another-key"] {
            let sent = self.send(self.customer(), key).await.expect("the server answers");
            assert_eq!(sent, Delivery::Sent, "{key}");
        }
        let expected = if self.harness.copies_are_recognized() { 2 } else { 3 };
        assert_eq!(self.arrived().await, expected, "two emails, of which one was sent twice");
        let alert = self.send(Recipient::Operator, "an-alert").await.expect("the server answers");
        assert_eq!(alert, Delivery::Sent);
        assert_eq!(self.harness.arrived("operator").await, 1);
    }

    /// Checks that a rejected email has a reason, and that the reason does not contain the
    /// customer's email address. If `for_good` is set, the email is expected to bounce; otherwise,
    /// to be deferred.
    async fn is_rejected(&self, for_good: bool) {
        for _ in 0..2 {
            let rejected = self.send(self.customer(), "a-key").await.expect("the server answers");
            let reason = match (&rejected, for_good) {
                (Delivery::Bounced { reason }, true) | (Delivery::Deferred { reason }, false) => {
                    reason
                }
                _ => panic!("{rejected:?}"),
            };
            assert!(!reason.is_empty() && !reason.contains('@'), "{reason}");
        }
        assert_eq!(self.arrived().await, 0);
    }

    async fn is_sent_although_answers_are_lost(&self) {
        let mut lost = 0;
        loop {
            match self.send(self.customer(), "a-key").await {
                Ok(sent) => {
                    assert_eq!(sent, Delivery::Sent);
                    break;
                }
                Err(unknown) => {
                    lost += 1;
                    assert!(!unknown.to_string().contains('@'), "{unknown}");
                }
            }
            assert!(lost < 5, "no attempt got an answer");
        }
        assert!(lost > 0, "no answer was lost");
        let arrived = self.arrived().await;
        assert!(arrived == 1 || !self.harness.copies_are_recognized(), "{arrived} copies");
        assert!((1..=lost + 1).contains(&arrived), "one copy at most for each lost answer");
    }
}
