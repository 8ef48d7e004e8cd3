//! Emails on AWS. SES sends them from an identity: a domain or an email address that the AWS
//! account has verified.

use chorus_events::services;
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{reference, substitute};
use serde_json::Value;

/// The parameter with the sender of emails; if it is empty, the simulated mailer stores the emails
/// instead of sending them.
const MAIL_FROM: &str = "MailFrom";
/// The parameter with the domain or address that is verified in SES.
const MAIL_IDENTITY: &str = "MailIdentity";
/// The parameter with the address that gets emails about failed compensations.
const OPERATOR_EMAIL: &str = "OperatorEmail";

pub(crate) const PARAMETERS: [&str; 3] = [MAIL_FROM, MAIL_IDENTITY, OPERATOR_EMAIL];

pub(crate) fn parameters() -> Vec<Parameter> {
    let described = [
        (MAIL_FROM, "The sender of emails, by SES; if empty, a simulated mailer stores them"),
        (MAIL_IDENTITY, "The domain or address of MailFrom that is verified in SES"),
        (OPERATOR_EMAIL, "The address that gets emails about failed compensations"),
    ];
    described.into_iter().map(|(name, about)| Parameter::text(name, about, "")).collect()
}

/// For the function that sends emails: the environment variables with the sender's and the
/// operator's email address.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let named = [("MAIL_FROM", MAIL_FROM), ("OPERATOR_EMAIL", OPERATOR_EMAIL)];
    let variable = |(name, parameter): (&str, _)| {
        (services::NOTIFICATION, name.to_owned(), reference(parameter))
    };
    named.into_iter().map(variable).collect()
}

/// The permission to send emails from the identity in the parameter [`MAIL_IDENTITY`]. If the
/// parameter is empty, the permission applies to no identity.
pub(crate) fn grant() -> (Service, Statement) {
    let identity = substitute(format!(
        "arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:identity/${{{MAIL_IDENTITY}}}"
    ));
    (services::NOTIFICATION, Statement::new("SendEmail", &["ses:SendEmail"], vec![identity]))
}
