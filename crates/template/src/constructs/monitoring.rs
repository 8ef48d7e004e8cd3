//! Logs, alarms and the dashboard.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{json_text, only_if, reference, stack_name, substitute};

/// A log group that forgets.
#[derive(Debug)]
pub struct LogGroup {
    /// Its name, after what may come before the stack's name.
    pub name: String,
    /// The parameter with the number of days.
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

/// Says that a person should look.
#[derive(Debug)]
pub struct Alarm {
    /// Its name, after the stack's.
    pub name: String,
    /// What it means and where to look.
    pub description: String,
    /// Namespace and name of the metric.
    pub metric: (&'static str, &'static str),
    pub dimensions: Vec<(&'static str, Value)>,
    /// `Sum` or `Maximum` within a period.
    pub statistic: &'static str,
    /// Above this, in that many periods of a minute in a row.
    pub above: (u32, u32),
}

/// The parameter with the topic that alarms go to, and the condition that it is given.
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
            "Period": 60,
            "EvaluationPeriods": periods,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        });
        Resource::new("AWS::CloudWatch::Alarm", properties)
    }
}

/// A dashboard, named as the stack.
#[derive(Debug)]
pub struct Dashboard {
    /// Its widgets; `${names}` in their texts are the template's.
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
