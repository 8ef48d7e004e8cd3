//! The logical ids and variable names that a template derives from the names of a design table.

use chorus_table::{OutsideBus, Partner, Service};

pub(crate) const BUS: &str = "Bus";

/// The queue in which events that the bus could not deliver wait for an operator.
pub(crate) const DEAD_LETTERS: &str = "DeadLetters";

/// The queue to which the bus sends events that it could not deliver. The sweeper logs each event,
/// and moves it to [`DEAD_LETTERS`].
pub(crate) const UNDELIVERED: &str = "Undelivered";

/// The function that publishes the events that a service committed, but did not publish.
pub(crate) const SWEEPER: &str = "sweeper";

/// Turns `event-log` into `EventLog`, the form of logical ids.
pub(crate) fn pascal(kebab: &str) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    kebab.split('-').map(capitalized).collect()
}

/// The parameter with the ARN of a bus of another account.
pub(crate) fn bus_parameter(bus: OutsideBus) -> String {
    format!("{}BusArn", pascal(bus.name))
}

/// The condition that is true if the ARN of a bus of another account is set.
pub(crate) fn has_bus(bus: OutsideBus) -> String {
    format!("Has{}Bus", pascal(bus.name))
}

/// The role with which EventBridge puts events to a bus of another account.
pub(crate) fn bus_role(bus: OutsideBus) -> String {
    format!("{}BusRole", pascal(bus.name))
}

/// The parameter with the AWS account of a partner that sends commands.
pub(crate) fn sender_account(partner: Partner) -> String {
    format!("{}Account", pascal(partner.name))
}

/// The condition under which the AWS account of `partner` may send commands.
pub(crate) fn has_sender(partner: Partner) -> String {
    format!("Has{}", pascal(partner.name))
}

/// The function of a service, or of the sweeper.
pub(crate) fn function(name: &str) -> String {
    pascal(name) + "Function"
}

pub(crate) fn role(name: &str) -> String {
    pascal(name) + "Role"
}

/// The queue for events on which a function failed three times. The function receives them again
/// from this queue.
pub(crate) fn redrive(name: &str) -> String {
    pascal(name) + "Redrive"
}

/// The queue for events and messages that a function no longer retries.
pub(crate) fn failures(name: &str) -> String {
    pascal(name) + "Failures"
}

/// The log group of a function.
pub(crate) fn logs(name: &str) -> String {
    pascal(name) + "Logs"
}

/// The queue between the bus and the function of a service.
pub(crate) fn queue(service: Service) -> String {
    pascal(service.name) + "Queue"
}

pub(crate) fn table(name: &str) -> String {
    pascal(name) + "Table"
}

/// The environment variable with the physical name of a table.
pub(crate) fn table_variable(name: &str) -> String {
    format!("TABLE_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The logical id of a state machine: `CollectPaymentMachine` for `CollectPayment`.
pub(crate) fn machine(name: &str) -> String {
    format!("{name}Machine")
}

pub(crate) fn machine_role(name: &str) -> String {
    machine(name) + "Role"
}

/// The log group of a state machine.
pub(crate) fn machine_logs(name: &str) -> String {
    machine(name) + "Logs"
}

/// The environment variable with the ARN of a state machine, such as `MACHINE_COLLECT_PAYMENT`.
pub(crate) fn machine_variable(name: &str) -> String {
    format!("MACHINE_{}", kebab(name).to_ascii_uppercase().replace('-', "_"))
}

/// The environment variable with a machine's timeouts, such as `LIMITS_FULFIL_DELIVERY`.
pub(crate) fn limits_variable(name: &str) -> String {
    machine_variable(name).replacen("MACHINE_", "LIMITS_", 1)
}

/// Turns `StartDeliveryDeadLetters` into `start-delivery-dead-letters`.
pub(crate) fn kebab(pascal: &str) -> String {
    let mut kebab = String::new();
    for c in pascal.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

/// The logical id of the rule that SAM creates for an `EventBridgeRule` among a function's events.
pub(crate) fn function_rule(function: &str, event: &str) -> String {
    format!("{function}{event}")
}

/// The logical id of a rule whose target is not a function.
pub(crate) fn rule(service: Service, action: &str) -> String {
    format!("{}{action}Rule", pascal(service.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_spelled_as_resources_and_variables_are() {
        assert_eq!(function("event-log"), "EventLogFunction");
        assert_eq!(table_variable("order-view"), "TABLE_ORDER_VIEW");
        assert_eq!(machine_variable("CollectPayment"), "MACHINE_COLLECT_PAYMENT");
    }
}
