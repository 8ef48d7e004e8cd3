//! A shop that is deployed: on AWS, or wherever `AWS_ENDPOINT_URL` is.

use chorus_aws_operator::Operator;
use clap::Args;

/// A deployed shop
#[derive(Debug, Args)]
pub(crate) struct Stack {
    /// The shop that this CloudFormation stack deployed: on AWS, or where AWS_ENDPOINT_URL says
    #[arg(long, value_name = "NAME", conflicts_with_all = ["url", "data"])]
    stack: Option<String>,
}

impl Stack {
    /// Somebody who may act on it, where one was named.
    pub(crate) fn operator(&self) -> Option<Operator> {
        let stack = self.stack.as_ref()?;
        Some(Operator::new(&chorus_aws::sdk_config(), stack))
    }
}
