//! The details of a customer in requests and responses, as plain text. The name and the email
//! address are encrypted in the store and in events.

use chorus_events::commands::PutCustomer;
use chorus_events::{CustomerId, PLAIN_TEXT, is_plain_text};
use chorus_kernel::{ActionError, Opener, SealingKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Customer;

/// The maximum length of a name, in characters.
const MAX_NAME: usize = 200;

/// The maximum length of an email address, in characters. Mail servers need not accept a longer
/// address (RFC 5321, section 4.5.3.1).
const MAX_EMAIL: usize = 254;

/// A regular expression that every email address matches.
const EMAIL: &str = r"^[^@\s\x00-\x1F\x7F-\x9F]+@[^@\s\x00-\x1F\x7F-\x9F]+$";

/// A customer's details in a request; the path has the customer's id.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CustomerDetails {
    /// The customer's name.
    #[schemars(length(min = 1, max = MAX_NAME), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// The customer's email address.
    #[schemars(length(max = MAX_EMAIL), regex(pattern = EMAIL))]
    email: String,
    /// Whether the customer is barred from ordering. Only staff may set this field. If a request by
    /// staff leaves the field out, the customer is not barred. A request by the customer keeps the
    /// stored value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blocked: Option<bool>,
}

impl CustomerDetails {
    pub(crate) fn example() -> Self {
        let (name, email) = ("Ana Trujillo".to_owned(), "ana@example.com".to_owned());
        Self { name, email, blocked: None }
    }

    /// # Errors
    /// If a field is not valid; the error names the field and its rule.
    pub(crate) fn check(&self) -> Result<(), ActionError> {
        check_name(&self.name)?;
        check_email(&self.email)
    }

    /// Returns the command for the customer `customer_id`, with name and email address encrypted.
    pub(crate) fn command(&self, customer_id: CustomerId, key: SealingKey) -> PutCustomer {
        PutCustomer {
            customer_id,
            name: key.seal(&self.name),
            email: key.seal(&self.email),
            blocked: self.blocked.unwrap_or_default(),
            key_id: Some(key.id()),
        }
    }
}

fn check_name(name: &str) -> Result<(), ActionError> {
    if is_plain_text(name, MAX_NAME) {
        return Ok(());
    }
    Err(ActionError::invalid("/name", format!("must be 1 to {MAX_NAME} characters of plain text")))
}

/// Checks only the form that every email address has. Only sending an email shows whether the
/// address exists.
fn check_email(email: &str) -> Result<(), ActionError> {
    let mut parts = email.split('@');
    let halves = (parts.next(), parts.next(), parts.next());
    let whole =
        matches!(halves, (Some(user), Some(host), None) if !user.is_empty() && !host.is_empty());
    let odd = |character: char| character.is_whitespace() || character.is_control();
    if whole && email.chars().count() <= MAX_EMAIL && !email.chars().any(odd) {
        return Ok(());
    }
    let rule =
        format!("must be an address such as ana@example.com, of at most {MAX_EMAIL} characters");
    Err(ActionError::invalid("/email", rule))
}

/// A customer in a response.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Customer")]
pub(crate) struct OpenCustomer {
    /// The customer's id.
    customer_id: CustomerId,
    /// The customer's name.
    name: String,
    /// The customer's email address.
    email: String,
    /// Whether the customer is barred from ordering.
    blocked: bool,
    /// The number of the customer's latest change, counted from 1.
    revision: u64,
}

impl OpenCustomer {
    /// Decrypts a customer with the key of `opener`. Returns none if the customer was forgotten, or
    /// if the data was encrypted under another key.
    pub(crate) fn of(customer: &Customer, opener: Opener) -> Option<Self> {
        if customer.is_erased() {
            return None;
        }
        Some(Self {
            customer_id: customer.customer_id.clone(),
            name: opener.text(&customer.name)?,
            email: opener.text(&customer.email)?,
            blocked: customer.blocked,
            revision: customer.revision,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::samples;
    use chorus_table::Event;

    fn refusal(details: &CustomerDetails) -> String {
        details.check().unwrap_err().to_string()
    }

    #[test]
    fn a_command_says_nothing_of_the_customer_in_the_clear() {
        let key = SealingKey::new(samples::PERSON_KEY);
        let command = CustomerDetails::example().command(samples::customer_id(), key);
        assert_eq!(command, PutCustomer::sample());
    }

    #[test]
    fn an_email_without_two_sides_is_refused_with_the_field_and_the_rule() {
        let long = format!("{}@example.com", "a".repeat(MAX_EMAIL));
        for email in ["", "ana", "@example.com", "ana@", "a@b@c", "a b@c", "a@b\nBcc: c", &long] {
            let email = email.to_owned();
            let refusal = refusal(&CustomerDetails { email, ..CustomerDetails::example() });
            assert!(refusal.starts_with("/email must be"), "{refusal}");
        }
    }

    #[test]
    fn a_name_is_never_empty_or_endless() {
        for name in ["", "  ", "a\0b", &"ü".repeat(MAX_NAME + 1)] {
            let name = name.to_owned();
            let refusal = refusal(&CustomerDetails { name, ..CustomerDetails::example() });
            assert!(refusal.starts_with("/name must be"), "{refusal}");
        }
        let name = "ü".repeat(MAX_NAME);
        CustomerDetails { name, ..CustomerDetails::example() }.check().unwrap();
    }
}
