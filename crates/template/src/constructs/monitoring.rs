//! Logs, alarms and the dashboard.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{json_text, only_if, reference, stack_name, substitute};

/// A log group that deletes old entries.
#[derive(Debug)]
pub struct LogGroup {
    /// The log group's name, which may contain `${AWS::StackName}`.
    pub name: String,
    /// The template's parameter for the number of days after which entries are deleted.
    pub days: &'static str,
}

impl Construct for LogGroup {
    fn resource(&self) -> Resource {
        let properties = json!({
            "LogGroupName": substitute(self.name.clone()),
            "RetentionInDays": reference(self.days),
        });
        Resource::new("AWS::Logs::LogGroup", properties)
    }
}

/// A CloudWatch alarm. The alarm notifies the topic in the template's parameter `AlarmTopicArn`, if
/// that parameter is set.
#[derive(Debug)]
pub struct Alarm {
    /// The alarm's name, without the stack's name in front.
    pub name: String,
    /// The meaning of the alarm, and where to look for the cause.
    pub description: String,
    /// The metric's namespace and name.
    pub metric: (&'static str, &'static str),
    pub dimensions: Vec<(&'static str, Value)>,
    /// `Sum`, `Maximum` or `Minimum` of the metric within a period.
    pub statistic: &'static str,
    /// The length of a period in seconds, such as [`MINUTE`].
    pub period: u32,
    /// A threshold, and the number of consecutive periods in which the metric has to exceed the
    /// threshold before the alarm fires.
    pub above: (u32, u32),
}

/// The period of most alarms, in seconds.
pub const MINUTE: u32 = 60;

/// The template's parameter for the ARN of the topic that alarms notify, and the template's
/// condition that this parameter is not empty.
pub(crate) const ALARM_TOPIC: (&str, &str) = ("AlarmTopicArn", "HasAlarmTopic");

impl Construct for Alarm {
    fn resource(&self) -> Resource {
        let (namespace, metric) = self.metric;
        let dimension = |(name, value): &(&str, Value)| json!({ "Name": name, "Value": value });
        let dimensions: Vec<Value> = self.dimensions.iter().map(dimension).collect();
        let (threshold, periods) = self.above;
        let (topic, has_topic) = ALARM_TOPIC;
        let properties = json!({
            "AlarmName": stack_name(&self.name),
            "AlarmDescription": self.description,
            "AlarmActions": only_if(has_topic, json!([reference(topic)])),
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": dimensions,
            "Statistic": self.statistic,
            "Period": self.period,
            "EvaluationPeriods": periods,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        });
        Resource::new("AWS::CloudWatch::Alarm", properties)
    }
}

/// A dashboard that is named after the stack.
#[derive(Debug)]
pub struct Dashboard {
    /// The widgets as JSON; `${names}` in their texts are substituted as in a `Fn::Sub`.
    pub widgets: Vec<Value>,
}

impl Construct for Dashboard {
    fn resource(&self) -> Resource {
        let widgets: Vec<String> = self.widgets.iter().map(json_text).collect();
        let body = format!("{{\"widgets\": [\n{}\n]}}\n", widgets.join(",\n"));
        let properties = json!({
            "DashboardName": substitute("${AWS::StackName}"),
            "DashboardBody": substitute(body),
        });
        Resource::new("AWS::CloudWatch::Dashboard", properties)
    }
}
