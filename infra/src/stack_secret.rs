//! A secret of the stack, which the function of one service reads at run time.

use chorus_table::Service;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{attribute, either, substitute};
use serde_json::{Value, json};

/// A secret of the stack, and the service whose function reads it.
pub(crate) struct StackSecret {
    /// The logical id of the secret. If the id changed, deployed stacks would replace their secret.
    pub(crate) id: &'static str,
    pub(crate) service: Service,
    /// The function's environment variable with the secret's ARN.
    pub(crate) variable: &'static str,
    /// The `Sid` of the policy statement that allows the function to read the secret.
    pub(crate) sid: &'static str,
    /// The condition under which the secret exists; `None` if the secret always exists.
    pub(crate) condition: Option<&'static str>,
}

impl StackSecret {
    /// Returns the secret's ARN, which CloudFormation has as the attribute `Id`; `otherwise` if the
    /// secret does not exist.
    pub(crate) fn arn_or(&self, otherwise: Value) -> Value {
        let arn = attribute(self.id, "Id");
        match self.condition {
            Some(condition) => either(condition, arn, otherwise),
            None => arn,
        }
    }

    /// The environment variable with the secret's ARN.
    pub(crate) fn variable(&self) -> (Service, String, Value) {
        (self.service, self.variable.to_owned(), self.arn_or(json!("")))
    }

    /// The permission to read the secret. A policy statement needs a resource. So if the secret
    /// does not exist, the statement names the ARN `secret:none`, which matches no secret.
    pub(crate) fn grant(&self) -> (Service, Statement) {
        let none =
            "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:none";
        let actions = &["secretsmanager:GetSecretValue"];
        let arn = self.arn_or(substitute(none));
        (self.service, Statement::new(self.sid, actions, vec![arn]))
    }
}
