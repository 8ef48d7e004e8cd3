//! A secret of the stack, which the function of one service reads at run time.

use chorus_table::Service;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{attribute, either, substitute};
use serde_json::{Value, json};

/// A secret of the stack, and the service whose function reads it.
pub(crate) struct StackSecret {
    /// The logical id. If it changed, deployed stacks would replace their secret.
    pub(crate) id: &'static str,
    pub(crate) service: Service,
    /// The function's environment variable with the secret's ARN.
    pub(crate) variable: &'static str,
    /// The name of the statement that allows the function to read the secret.
    pub(crate) sid: &'static str,
    /// The condition under which the secret exists; `None` if it always does.
    pub(crate) condition: Option<&'static str>,
}

impl StackSecret {
    /// The secret's ARN, which is its attribute `Id`; `otherwise` if the secret does not exist.
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

    /// The permission to read the secret. A statement needs a resource, so if the secret does not
    /// exist, the statement names `secret:none`, which does not exist either.
    pub(crate) fn grant(&self) -> (Service, Statement) {
        let none =
            "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:none";
        let actions = &["secretsmanager:GetSecretValue"];
        let arn = self.arn_or(substitute(none));
        (self.service, Statement::new(self.sid, actions, vec![arn]))
    }
}
