//! The bus, and the archive of its events.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, reference, substitute};

/// A custom event bus with the stack's name.
#[derive(Debug)]
pub struct Bus;

impl Construct for Bus {
    fn resource(&self) -> Resource {
        Resource::new("AWS::Events::EventBus", json!({ "Name": substitute("${AWS::StackName}") }))
    }
}

/// An archive that keeps a bus's events for replays.
#[derive(Debug)]
pub struct Archive {
    pub bus: &'static str,
    pub pattern: Value,
    /// The parameter with the number of days for which events are kept.
    pub days: &'static str,
}

impl Construct for Archive {
    fn resource(&self) -> Resource {
        let properties = json!({
            "SourceArn": arn(self.bus),
            "EventPattern": self.pattern,
            "RetentionDays": reference(self.days),
        });
        Resource::new("AWS::Events::Archive", properties)
    }
}
