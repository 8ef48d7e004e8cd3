//! Emails on AWS: SES sends them, by an identity that the account has verified.

use chorus_events::services;
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{reference, substitute};
use serde_json::Value;

/// Whom emails are from; where empty, the simulated mailer keeps them.
const MAIL_FROM: &str = "MailFrom";
/// The domain or address that SES has verified, and by which it sends.
const MAIL_IDENTITY: &str = "MailIdentity";
/// The address that gets emails about what could not be undone.
const OPERATOR_EMAIL: &str = "OperatorEmail";

pub(crate) const PARAMETERS: [&str; 3] = [MAIL_FROM, MAIL_IDENTITY, OPERATOR_EMAIL];

pub(crate) fn parameters() -> Vec<Parameter> {
    let described = [
        (MAIL_FROM, "The sender of emails, by SES; where empty, a simulation keeps them"),
        (MAIL_IDENTITY, "The domain or address of MailFrom that is verified in SES"),
        (OPERATOR_EMAIL, "The address that is told what could not be undone"),
    ];
    described.into_iter().map(|(name, about)| Parameter::text(name, about, "")).collect()
}

/// How the function that writes emails knows the addresses.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let named = [("MAIL_FROM", MAIL_FROM), ("OPERATOR_EMAIL", OPERATOR_EMAIL)];
    let variable = |(name, parameter): (&str, _)| {
        (services::NOTIFICATION, name.to_owned(), reference(parameter))
    };
    named.into_iter().map(variable).collect()
}

/// Sending by that identity, and by no other; while none is given, by none.
pub(crate) fn grant() -> (Service, Statement) {
    let identity = substitute(format!(
        "arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:identity/${{{MAIL_IDENTITY}}}"
    ));
    (services::NOTIFICATION, Statement::new("SendEmail", &["ses:SendEmail"], vec![identity]))
}
