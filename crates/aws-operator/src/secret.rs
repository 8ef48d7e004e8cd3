//! The environment variables of the stack's functions, and the secrets that the functions read at
//! run time.

use std::collections::BTreeMap;

use chorus_aws::{SecretError, StoredSecret};

use crate::{Operator, OperatorError, send};

/// The label that Secrets Manager gives to the version before the current version.
const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret of a stack. An environment variable of a function contains the secret's ARN.
#[derive(Debug)]
pub struct StackSecret<'a> {
    operator: &'a Operator,
    id: String,
}

impl Operator {
    /// Returns the environment variables of the stack's function `function`.
    ///
    /// # Errors
    /// If AWS refuses, or there is no such function.
    pub async fn variables(
        &self,
        function: &str,
    ) -> Result<BTreeMap<String, String>, OperatorError> {
        let name = format!("{}-{function}", self.stack);
        let described = send!(self.lambda.get_function_configuration().function_name(name));
        let variables = described.environment.and_then(|environment| environment.variables);
        Ok(variables.into_iter().flatten().collect())
    }

    /// Returns the secret whose ARN is in the environment variable `variable` of the stack's
    /// function `function`.
    ///
    /// # Errors
    /// If AWS refuses, or the function has no such variable.
    pub async fn secret(
        &self,
        function: &str,
        variable: &str,
    ) -> Result<StackSecret<'_>, OperatorError> {
        let id = self.variables(function).await?.remove(variable);
        let id = id.ok_or_else(|| self.missing(format!("{variable} of {function}")))?;
        Ok(StackSecret { operator: self, id })
    }
}

impl StackSecret<'_> {
    /// The text of the current version.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn current(&self) -> Result<String, OperatorError> {
        let stored = StoredSecret::with(self.operator.secrets.clone(), self.id.clone());
        let refused = |error: SecretError| OperatorError::Refused(error.to_string());
        stored.current().await.map_err(refused)
    }

    /// Makes `text` the current version of the secret. The version that was current becomes the
    /// previous version.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn replace(&self, text: &str) -> Result<(), OperatorError> {
        let put = self.operator.secrets.put_secret_value().secret_id(&self.id);
        send!(put.secret_string(text));
        Ok(())
    }

    /// Removes the previous version's label, so that functions no longer find that version.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn revoke_previous(&self) -> Result<(), OperatorError> {
        let secrets = &self.operator.secrets;
        let described = send!(secrets.describe_secret().secret_id(&self.id));
        let versions = described.version_ids_to_stages().into_iter().flatten();
        let labelled = |labels: &Vec<String>| labels.iter().any(|label| label == PREVIOUS);
        let previous: Vec<&String> =
            versions.filter(|(_, labels)| labelled(labels)).map(|(version, _)| version).collect();
        for version in previous {
            let update = secrets.update_secret_version_stage().secret_id(&self.id);
            send!(update.version_stage(PREVIOUS).remove_from_version_id(version));
        }
        Ok(())
    }
}
