//! The section `Conditions`, evaluated with the parameters' values.

use serde_json::Value;

use super::Walk;

impl Walk<'_> {
    pub(super) fn condition_named(&mut self, name: &str) -> bool {
        let conditions = &self.resolver.template.value()["Conditions"];
        conditions.get(name).is_none_or(|condition| self.condition(condition))
    }

    /// Whether a condition holds. A condition that cannot be read counts as true.
    pub(super) fn condition(&mut self, condition: &Value) -> bool {
        if !self.enter() {
            return true;
        }
        let holds = self.evaluated(condition);
        self.levels -= 1;
        holds
    }

    fn evaluated(&mut self, condition: &Value) -> bool {
        let Some((name, operand)) = condition.as_object().and_then(|all| all.iter().next()) else {
            return true;
        };
        let operands = operand.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name.as_str(), operands) {
            ("Condition", _) => operand.as_str().is_none_or(|name| self.condition_named(name)),
            ("Fn::Equals", [left, right]) => self.text(left) == self.text(right),
            ("Fn::Not", [one]) => !self.condition(one),
            ("Fn::And", all) => all.iter().all(|one| self.condition(one)),
            ("Fn::Or", all) => all.iter().any(|one| self.condition(one)),
            _ => true,
        }
    }
}
