//! Checks the `Resource` of a Task: whether Step Functions has this service integration, and
//! whether the Task can wait for a job or for an answer with the task token.

use super::resource::{Pattern, Resource};
use super::{Workflow, fields::Fields};

/// No bit is set: a call can wait only for its own response.
const CALL: u8 = 0;
/// The bit of a call that can also wait for the end of a job.
const JOB: u8 = 1;
/// The bit of a call that can also wait for an answer with the task token.
const TOKEN: u8 = 2;

/// Each service for which Step Functions has an optimized integration, with its actions. The bits
/// of an action tell what its call can wait for.
const OPTIMIZED: &[(&str, &[(&str, u8)])] = &[
    ("apigateway", &[("invoke", TOKEN)]),
    (
        "athena",
        &[
            ("startQueryExecution", JOB),
            ("stopQueryExecution", CALL),
            ("getQueryExecution", CALL),
            ("getQueryResults", CALL),
        ],
    ),
    ("batch", &[("submitJob", JOB)]),
    ("bedrock", &[("invokeModel", CALL), ("createModelCustomizationJob", JOB)]),
    (
        "codebuild",
        &[
            ("startBuild", JOB),
            ("stopBuild", CALL),
            ("batchDeleteBuilds", CALL),
            ("batchGetReports", CALL),
            ("startBuildBatch", JOB),
            ("stopBuildBatch", CALL),
            ("retryBuildBatch", JOB),
            ("deleteBuildBatch", CALL),
        ],
    ),
    ("databrew", &[("startJobRun", JOB)]),
    (
        "dynamodb",
        &[("getItem", CALL), ("putItem", CALL), ("updateItem", CALL), ("deleteItem", CALL)],
    ),
    ("ecs", &[("runTask", JOB | TOKEN)]),
    (
        "eks",
        &[
            ("call", CALL),
            ("runJob", JOB),
            ("createCluster", JOB),
            ("deleteCluster", JOB),
            ("createNodegroup", JOB),
            ("deleteNodegroup", JOB),
            ("createFargateProfile", JOB),
            ("deleteFargateProfile", JOB),
        ],
    ),
    (
        "elasticmapreduce",
        &[
            ("createCluster", JOB),
            ("setClusterTerminationProtection", CALL),
            ("terminateCluster", JOB),
            ("addStep", JOB),
            ("cancelStep", CALL),
            ("modifyInstanceFleetByName", CALL),
            ("modifyInstanceGroupByName", CALL),
        ],
    ),
    (
        "emr-containers",
        &[("createVirtualCluster", CALL), ("deleteVirtualCluster", JOB), ("startJobRun", JOB)],
    ),
    (
        "emr-serverless",
        &[
            ("createApplication", JOB),
            ("startApplication", JOB),
            ("stopApplication", JOB),
            ("deleteApplication", JOB),
            ("startJobRun", JOB),
            ("cancelJobRun", JOB),
        ],
    ),
    ("events", &[("putEvents", TOKEN)]),
    ("glue", &[("startJobRun", JOB)]),
    ("http", &[("invoke", CALL)]),
    ("lambda", &[("invoke", TOKEN)]),
    ("mediaconvert", &[("createJob", JOB)]),
    (
        "sagemaker",
        &[
            ("createEndpoint", CALL),
            ("createEndpointConfig", CALL),
            ("createHyperParameterTuningJob", JOB),
            ("createLabelingJob", JOB),
            ("createModel", CALL),
            ("createProcessingJob", JOB),
            ("createTrainingJob", JOB),
            ("createTransformJob", JOB),
            ("updateEndpoint", CALL),
        ],
    ),
    ("sns", &[("publish", TOKEN)]),
    ("sqs", &[("sendMessage", TOKEN)]),
    ("states", &[("startExecution", JOB | TOKEN)]),
];

/// Refuses a call that Step Functions does not support, or that the machine's type does not allow.
pub(super) fn check(fields: &Fields<'_>, resource: &Resource) {
    let arn = resource.arn();
    if !arn.is_empty() && is_filled_in(arn) && !is_arn(arn) {
        let reason = format!("'{arn}' is not a valid resource ARN");
        let remedy = "name a function, an activity or a service integration by its ARN";
        fields.advise("Resource", reason, remedy);
    }
    if let Some((service, action)) = resource.service().filter(|_| is_whole(resource.arn()))
        && !is_known(service, action, resource.pattern())
    {
        let reason = format!("Step Functions has no integration '{service}:{action}'");
        let remedy = "call an action of the SDK as arn:aws:states:::aws-sdk:service:action";
        fields.advise("Resource", reason, remedy);
    }
    if fields.notes().workflow == Workflow::Express {
        express(fields, resource);
    }
}

/// Refuses activities, callbacks and jobs, which an Express machine does not support.
fn express(fields: &Fields<'_>, resource: &Resource) {
    let waits = match resource.pattern() {
        _ if resource.is_activity() => "an activity",
        Pattern::Callback => "the '.waitForTaskToken' service integration",
        Pattern::RunJob => "the '.sync' service integration",
        Pattern::RequestResponse => return,
    };
    let reason = format!("an Express state machine does not support {waits}");
    fields.advise("Resource", reason, "make it a Standard machine, or call without waiting");
}

fn is_whole(arn: &str) -> bool {
    is_filled_in(arn) && arn.split(':').nth(3) == Some("")
}

/// Whether the ARN is free of placeholders, such as `${Service}`, which a deployment fills in.
fn is_filled_in(arn: &str) -> bool {
    !arn.contains(['$', '{', '<'])
}

/// Whether the text has the form `arn:partition:service:region:account:resource`, where region and
/// account may be empty.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, service, _, _, resource]
        if ![partition, service, resource].contains(&""))
}

fn is_known(service: &str, action: &str, pattern: Pattern) -> bool {
    if let Some(of_sdk) = service.strip_prefix("aws-sdk:") {
        let is_camel_case = action.starts_with(|first: char| first.is_ascii_lowercase());
        let is_lowercase = !of_sdk.contains(|next: char| next.is_ascii_uppercase());
        return pattern != Pattern::RunJob && is_camel_case && is_lowercase;
    }
    let name = action.split('.').next().unwrap_or_default();
    let waits = match pattern {
        Pattern::RequestResponse => CALL,
        Pattern::RunJob => JOB,
        Pattern::Callback => TOKEN,
    };
    let of_service = OPTIMIZED.iter().find(|(known, _)| *known == service);
    let mut actions = of_service.into_iter().flat_map(|(_, actions)| *actions);
    actions.any(|(known, may)| *known == name && may & waits == waits)
}
