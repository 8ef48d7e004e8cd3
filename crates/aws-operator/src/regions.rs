//! One region of a stack that is deployed in two regions: its rules, the replication to its tables,
//! its event publisher, and its state machines.

use aws_sdk_eventbridge::types::RuleState;
use chorus_aws::{EventBridgePublisher, SfnMachines};
use chorus_kernel::REGIONS_TABLE;
use serde_json::json;

use crate::{Operator, OperatorError, send};

/// The role with which DynamoDB replicates the writes of another region.
const REPLICATION: &str =
    "role/aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication";

/// A rule on the stack's bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackRule {
    pub name: String,
    pub enabled: bool,
}

impl Operator {
    /// The region of this operator; `None` if the stack is deployed in only one region.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn one_of_two_regions(&self) -> Result<Option<String>, OperatorError> {
        let regions = regions_variable();
        if !self.tables().await?.iter().any(|(variable, _)| *variable == regions) {
            return Ok(None);
        }
        Ok(self.dynamo.config().region().map(ToString::to_string))
    }

    /// The rules on the stack's bus, without the rules that EventBridge manages.
    ///
    /// # Errors
    /// If AWS refuses, or the stack has no bus.
    pub async fn rule_states(&self) -> Result<Vec<StackRule>, OperatorError> {
        let bus = self.bus().await?.0;
        let (mut rules, mut next) = (Vec::new(), None);
        loop {
            let page = send!(self.events.list_rules().event_bus_name(&bus).set_next_token(next));
            let own = page.rules().iter().filter(|rule| rule.managed_by().is_none());
            rules.extend(own.map(|rule| StackRule {
                name: rule.name().unwrap_or_default().to_owned(),
                enabled: rule.state() == Some(&RuleState::Enabled),
            }));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(rules);
            }
        }
    }

    /// Enables or disables rules on the stack's bus.
    ///
    /// # Errors
    /// If the stack has no bus, or AWS refuses to change a rule. The rules that precede this rule
    /// in `names` stay changed.
    pub async fn set_rules(&self, names: &[String], enabled: bool) -> Result<(), OperatorError> {
        let bus = self.bus().await?.0;
        for name in names {
            if enabled {
                send!(self.events.enable_rule().event_bus_name(&bus).name(name));
            } else {
                send!(self.events.disable_rule().event_bus_name(&bus).name(name));
            }
        }
        tracing::info!(count = names.len(), enabled, "changed rules");
        Ok(())
    }

    /// Makes the stack's tables in this region refuse the writes that DynamoDB would still
    /// replicate from the other region. Leaves out the table that records which region is active.
    ///
    /// # Errors
    /// If AWS refuses. Some of the tables may be changed already.
    pub async fn refuse_replication(&self) -> Result<(), OperatorError> {
        for arn in self.replicated_tables().await? {
            let policy = without_replication(&arn);
            send!(self.dynamo.put_resource_policy().resource_arn(arn).policy(policy));
        }
        Ok(())
    }

    /// Makes the stack's tables in this region accept replicated writes again, after
    /// [`Operator::refuse_replication`].
    ///
    /// # Errors
    /// If AWS refuses. Some of the tables may be changed already.
    pub async fn accept_replication(&self) -> Result<(), OperatorError> {
        for arn in self.replicated_tables().await? {
            send!(self.dynamo.delete_resource_policy().resource_arn(arn));
        }
        Ok(())
    }

    /// Returns the ARNs of the stack's tables in this region, without the table that records which
    /// region is active.
    async fn replicated_tables(&self) -> Result<Vec<String>, OperatorError> {
        let regions = regions_variable();
        let mut arns = Vec::new();
        for (variable, table) in self.tables().await? {
            if variable != regions {
                let described = send!(self.dynamo.describe_table().table_name(&table));
                let arn = described.table().and_then(|table| table.table_arn());
                arns.push(arn.unwrap_or_default().to_owned());
            }
        }
        Ok(arns)
    }

    /// Makes the stack's bus in this region refuse the events of all other accounts.
    ///
    /// # Errors
    /// If AWS refuses, or the stack has no bus.
    pub async fn refuse_other_accounts(&self) -> Result<(), OperatorError> {
        let bus = self.bus().await?.0;
        let described = send!(self.events.describe_event_bus().name(&bus));
        if described.policy().is_some_and(|policy| !policy.is_empty()) {
            let request = self.events.remove_permission().event_bus_name(&bus);
            send!(request.remove_all_permissions(true));
        }
        Ok(())
    }

    /// Returns a publisher to the bus of this region.
    ///
    /// # Errors
    /// If AWS refuses, or the stack has no bus.
    pub async fn publisher(&self) -> Result<EventBridgePublisher, OperatorError> {
        Ok(EventBridgePublisher::new(self.events.clone(), self.bus().await?.0))
    }

    /// Returns the state machines of this region that the stack's sweeper may start, with the
    /// timeouts of their waits.
    ///
    /// # Errors
    /// If AWS refuses, or a variable of the sweeper cannot be read.
    pub async fn sweeper_machines(&self) -> Result<SfnMachines, OperatorError> {
        let variables = self.variables("sweeper").await?;
        let machines = SfnMachines::of_variables(self.machines.clone(), &variables);
        machines.map_err(OperatorError::Timeouts)
    }
}

/// The environment variable with the name of the table that records which region is active. Only a
/// stack in two regions has that table.
fn regions_variable() -> String {
    format!("TABLE_{}", REGIONS_TABLE.name.to_uppercase())
}

/// Returns a resource policy that denies DynamoDB's replication every write to the table with this
/// ARN.
fn without_replication(table: &str) -> String {
    let mut parts = table.split(':').skip(1);
    let partition = parts.next().unwrap_or("aws");
    let account = parts.nth(2).unwrap_or_default();
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "NoReplication",
            "Effect": "Deny",
            "Principal": { "AWS": format!("arn:{partition}:iam::{account}:{REPLICATION}") },
            "Action": ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            "Resource": table,
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_refuses_replication_and_nothing_else() {
        let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/chorus-OrderTable";
        let policy: serde_json::Value = serde_json::from_str(&without_replication(arn)).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Effect"], "Deny");
        assert_eq!(statement["Resource"], arn);
        let role = statement["Principal"]["AWS"].as_str().unwrap();
        assert!(role.starts_with("arn:aws:iam::123456789012:role/aws-service-role/"), "{role}");
    }
}
