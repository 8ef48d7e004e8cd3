//! The names, URLs and ARNs of resources. If the template gives a resource no name, a name is
//! assumed.

use serde_json::{Value, json};

use super::Walk;
use crate::template::Resource;

/// The properties that can contain a resource's name, in one list for all resource types.
const NAMES: [&str; 14] = [
    "Name",
    "FunctionName",
    "QueueName",
    "TopicName",
    "StateMachineName",
    "TableName",
    "BucketName",
    "RoleName",
    "LogGroupName",
    "StreamName",
    "RuleName",
    "ApiName",
    "ClusterName",
    "DeliveryStreamName",
];

/// The resource types for which `Ref` gives the ARN.
const REFERRED_BY_ARN: [&str; 19] = [
    "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition",
    "AWS::Batch::JobQueue",
    "AWS::CertificateManager::Certificate",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::StateMachine",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::Activity",
    "AWS::StepFunctions::StateMachine",
];

impl Walk<'_> {
    /// The value of a `Ref` to a resource: an ARN, a URL or a name, depending on the resource's
    /// type.
    pub(super) fn resource_reference(&mut self, id: &str) -> Value {
        let Some(resource) = self.resolver.template.resource(id) else {
            return self.stand_in(&json!({ "Ref": id }), id);
        };
        let name = self.name(resource);
        json!(match resource.kind {
            kind if REFERRED_BY_ARN.contains(&kind) => self.arn(resource, &name),
            "AWS::SQS::Queue" => self.queue_url(&name),
            _ => name,
        })
    }

    /// The value of an `Fn::GetAtt`.
    pub(super) fn attribute(&mut self, id: &str, attribute: &str) -> Value {
        let expression = json!({ "Fn::GetAtt": [id, attribute] });
        let Some(resource) = self.resolver.template.resource(id) else {
            return self.stand_in(&expression, &format!("{id}.{attribute}"));
        };
        let name = self.name(resource);
        json!(match (resource.kind, attribute) {
            (_, "Arn" | "TopicArn") => self.arn(resource, &name),
            ("AWS::SQS::Queue", "QueueUrl") => self.queue_url(&name),
            (_, "Name" | "QueueName" | "TopicName") => name,
            _ => return self.stand_in(&expression, &format!("{id}.{attribute}")),
        })
    }

    /// The resource's name in the template. If the template has none, the logical id is used, and
    /// is recorded as a stand-in: an assumed value.
    fn name(&mut self, resource: Resource<'_>) -> String {
        let given = NAMES.iter().find_map(|property| resource.properties.get(property));
        let named = given.filter(|name| name.is_string() || name.is_object());
        match named {
            Some(name) => self.text(name),
            None => {
                let id = resource.id.to_owned();
                self.stand_ins.insert(format!("the name of {id}"), id.clone());
                id
            }
        }
    }

    fn queue_url(&mut self, name: &str) -> String {
        let [region, account] = self.region_and_account();
        format!("https://sqs.{region}.amazonaws.com/{account}/{name}")
    }

    fn region_and_account(&mut self) -> [String; 2] {
        ["AWS::Region", "AWS::AccountId"].map(|name| self.pseudo(name).unwrap_or_default())
    }

    fn arn(&mut self, resource: Resource<'_>, name: &str) -> String {
        let partition = self.pseudo("AWS::Partition").unwrap_or_default();
        let [region, account] = self.region_and_account();
        let (service, tail) = match resource.kind {
            "AWS::S3::Bucket" => return format!("arn:{partition}:s3:::{name}"),
            "AWS::IAM::Role" => return format!("arn:{partition}:iam::{account}:role/{name}"),
            "AWS::IAM::ManagedPolicy" => {
                return format!("arn:{partition}:iam::{account}:policy/{name}");
            }
            "AWS::Lambda::Function" | "AWS::Serverless::Function" => {
                ("lambda", format!("function:{name}"))
            }
            "AWS::SQS::Queue" => ("sqs", name.to_owned()),
            "AWS::SNS::Topic" => ("sns", name.to_owned()),
            "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
                ("states", format!("stateMachine:{name}"))
            }
            "AWS::StepFunctions::Activity" => ("states", format!("activity:{name}")),
            "AWS::KinesisFirehose::DeliveryStream" => {
                ("firehose", format!("deliverystream/{name}"))
            }
            "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}")),
            "AWS::ECS::TaskDefinition" => ("ecs", format!("task-definition/{name}:1")),
            "AWS::Batch::JobDefinition" => ("batch", format!("job-definition/{name}:1")),
            "AWS::Batch::JobQueue" => ("batch", format!("job-queue/{name}")),
            "AWS::Events::ApiDestination" => ("events", format!("api-destination/{name}")),
            "AWS::Events::EventBus" => ("events", format!("event-bus/{name}")),
            "AWS::Events::Rule" => ("events", format!("rule/{name}")),
            "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
            "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
                ("dynamodb", format!("table/{name}"))
            }
            kind => {
                let mut parts = kind.split("::").skip(1);
                let service = parts.next().unwrap_or("service").to_lowercase();
                let tail = format!("{}/{name}", parts.next().unwrap_or("resource").to_lowercase());
                return format!("arn:{partition}:{service}:{region}:{account}:{tail}");
            }
        };
        format!("arn:{partition}:{service}:{region}:{account}:{tail}")
    }
}
