//! A deployed shop: on AWS, or at `AWS_ENDPOINT_URL`.

use chorus_aws_operator::Operator;
use clap::Args;

/// A deployed shop
#[derive(Debug, Args)]
pub(crate) struct Stack {
    /// The shop that this CloudFormation stack deployed: on AWS, or at AWS_ENDPOINT_URL
    #[arg(long, value_name = "NAME", global = true, display_order = 803)]
    #[arg(conflicts_with_all = ["url", "data"])]
    stack: Option<String>,
}

/// Returns the name of this computer's user, which is written into the stack's audit log. The name
/// is not verified; CloudTrail records the user's AWS identity.
pub(crate) fn user() -> String {
    let name = ["USER", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

impl Stack {
    /// Returns an [`Operator`] for the stack that `--stack` names; `None` without `--stack`.
    pub(crate) fn operator(&self) -> Option<Operator> {
        let stack = self.stack.as_ref()?;
        Some(Operator::new(&chorus_aws::sdk_config(), stack))
    }
}
