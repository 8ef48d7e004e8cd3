//! Starts a service's function on Lambda, and runs its loop: the function handles one invocation
//! after another.

use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_types::SdkConfig;
use chorus_http::HttpFunction;
use chorus_kernel::{
    Breakers, Clock, Kernel, Keyring, Machines, NoMachines, Publisher, REGIONS_TABLE, Region,
    RowOutputs, Store,
};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

use crate::claims::TokenClaims;
use crate::invocation::{Failed, Invocation, Invoker};
use crate::queues::{Queues, SqsQueues};
use crate::store::Meter;
use crate::{
    DynamoStore, EventBridgePublisher, OsRandomness, SfnMachines, SystemClock, Tables, logs,
    machines, sdk_config,
};

/// The environment variable with the events that each row of the design table may publish. Only the
/// sweeper has this variable.
pub const ROW_OUTPUTS: &str = "ROW_OUTPUTS";

/// The environment variable with the id of the global endpoint to which the function publishes
/// events.
const BUS_ENDPOINT_ID: &str = "BUS_ENDPOINT_ID";

/// A function gives up its work this long before Lambda's deadline, so that it can still answer,
/// and log the failure.
const MARGIN: Duration = Duration::from_millis(200);

/// The longest that Lambda lets a function run.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable of the environment is missing or empty.
    #[error("the environment variable {0} must be set, and must not be empty")]
    Missing(&'static str),
    /// A variable of the environment has an invalid value.
    #[error("the environment variable {name} must be {rule}")]
    Meaningless { name: &'static str, rule: &'static str },
    #[error("tokio, which runs the function's asynchronous code, did not start")]
    Executor(#[source] std::io::Error),
    #[error("the loop that gets invocations from Lambda ended: {0}")]
    Loop(lambda_runtime::Error),
}

/// The environment variable `name`, if it is set and not empty.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The environment variable `name`, parsed. `rule` says in the error what the value must be.
///
/// # Errors
/// If the variable is not set, or if its value cannot be parsed.
pub fn parsed<T: FromStr>(name: &'static str, rule: &'static str) -> Result<T, StartError> {
    let text = variable(name).ok_or(StartError::Missing(name))?;
    text.parse().map_err(|_| StartError::Meaningless { name, rule })
}

/// Runs a service's function on Lambda until the execution environment ends. A service's `main`
/// needs only this call.
///
/// `function` gets the kernel, for the parts of the service that use the kernel directly. These
/// environment variables are read:
///
/// - `BUS_NAME`;
/// - `TABLE_<NAME>` for each table;
/// - `MACHINE_<NAME>` for each state machine that the function may start;
/// - `LIMITS_<NAME>` for the timeouts of that state machine's waits;
/// - `FAILURE_QUEUE_URL`, if there is a failure queue;
/// - `DEAD_LETTERS_URL`, the URL of the operators' queue, if the function moves undeliverable
///   events of the bus to that queue;
/// - `TOKEN_NAME_CLAIM` and `TOKEN_ROLES_CLAIM`, if the API's tokens are not Cognito's;
/// - `ROW_OUTPUTS`, if the function is the sweeper;
/// - `BUS_ENDPOINT_ID`, if events go to a global endpoint. The function must then be built with the
///   feature `global-endpoint`.
pub fn run<F: Into<HttpFunction>>(
    function: impl FnOnce(&Kernel) -> Result<F, StartError>,
) -> ExitCode {
    logs::start();
    match start(|kernel| function(kernel).map(Into::into)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(cause, "{error}");
            ExitCode::FAILURE
        }
    }
}

fn start(
    function: impl FnOnce(&Kernel) -> Result<HttpFunction, StartError>,
) -> Result<(), StartError> {
    // One thread is enough, because an execution environment handles one invocation at a time, and
    // an invocation mostly waits.
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Executor)?;
    executor.block_on(async {
        let config = sdk_config();
        let bus = variable("BUS_NAME").ok_or(StartError::Missing("BUS_NAME"))?;
        let client = aws_sdk_dynamodb::Client::new(&config);
        let store = DynamoStore::new(client, Tables::from_env());
        let meter = Arc::clone(store.meter());
        let client = aws_sdk_eventbridge::Client::new(&config);
        let kernel = Kernel {
            store: Arc::new(store) as Arc<dyn Store>,
            bus: Arc::new(EventBridgePublisher::new(client, bus).with_endpoint(endpoint()?))
                as Arc<dyn Publisher>,
            machines: state_machines(&config)?,
            clock: Arc::new(SystemClock) as Arc<dyn Clock>,
            breakers: Breakers::default(),
            keyring: Keyring::new(Arc::new(OsRandomness)),
            region: region(),
        };
        let HttpFunction { function, routes } = function(&kernel)?;
        let queues = variable("FAILURE_QUEUE_URL")
            .map(|url| Arc::new(SqsQueues::new(config, url)) as Arc<dyn Queues>);
        let operators_queue = variable("DEAD_LETTERS_URL");
        let callers = TokenClaims::from_env();
        let outputs = variable(ROW_OUTPUTS);
        let outputs = outputs.as_deref().map(RowOutputs::from).unwrap_or_default();
        let invoker =
            Invoker { function, routes, kernel, queues, operators_queue, callers, outputs };
        serve(&invoker, &meter).await
    })
}

/// The id of the global endpoint, if there is one.
fn endpoint() -> Result<Option<String>, StartError> {
    let endpoint = variable(BUS_ENDPOINT_ID);
    if endpoint.is_some() && !cfg!(feature = "global-endpoint") {
        let rule = "empty: this binary was built without the feature global-endpoint";
        return Err(StartError::Meaningless { name: BUS_ENDPOINT_ID, rule });
    }
    Ok(endpoint)
}

/// The region in which this function runs; `None` if the deployment has only one region. Only a
/// deployment in two regions has the table that records which region is active.
fn region() -> Option<Region> {
    Tables::from_env().physical(REGIONS_TABLE.name).ok()?;
    variable("AWS_REGION").map(Region::new)
}

/// Makes a client of Step Functions only if the function may start a machine. Without a client, the
/// cold start is shorter.
fn state_machines(config: &SdkConfig) -> Result<Arc<dyn Machines>, StartError> {
    let arns = machines::arns(std::env::vars());
    if arns.is_empty() {
        return Ok(Arc::new(NoMachines));
    }
    let meaningless = |_| StartError::Meaningless { name: "LIMITS_…", rule: "JSON" };
    let limits = machines::limits(std::env::vars()).map_err(meaningless)?;
    Ok(Arc::new(SfnMachines::new(aws_sdk_sfn::Client::new(config), arns).with_limits(limits)))
}

async fn serve(invoker: &Invoker, meter: &Meter) -> Result<(), StartError> {
    let handler =
        service_fn(async |event: LambdaEvent<Box<RawValue>>| handle(invoker, meter, event).await);
    Runtime::new(handler).run().await.map_err(StartError::Loop)
}

async fn handle(
    invoker: &Invoker,
    meter: &Meter,
    LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>,
) -> Result<Value, Failed> {
    let invocation = Invocation {
        give_up_at: Instant::now() + time_left(context.deadline, SystemTime::now()),
        function_arn: context.invoked_function_arn,
        xray: context.xray_trace_id,
        request_id: context.request_id,
    };
    let xray = invocation.xray.as_deref().and_then(crate::trace::from_xray);
    let span = tracing::info_span!(
        "of",
        request_id = invocation.request_id,
        trace_id = xray.map(|trace| trace.id),
        action = Empty,
        correlation_id = Empty,
        event = Empty,
        outcome = Empty,
        status = Empty,
        messages = Empty,
    );
    let (began, before) = (Instant::now(), meter.reading());
    let answer = invoker.invoke(payload.get(), &invocation).instrument(span.clone()).await;
    let (used, took) = (meter.reading() - before, began.elapsed());
    let failed = answer.as_ref().err().map(|failed| failed.error_type.as_str());
    span.in_scope(|| {
        tracing::info!(
            failed,
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            requests = used.requests,
            reads = used.read_units,
            writes = used.write_units,
            "invocation done",
        );
    });
    answer
}

/// The time that is left until the function gives up its work, shortly before the deadline. Lambda
/// sends the deadline in milliseconds since the Unix epoch; `cargo lambda watch` sends the
/// remaining time in the same header.
fn time_left(deadline: u64, now: SystemTime) -> Duration {
    let deadline = Duration::from_millis(deadline);
    let left = if deadline <= LONGEST {
        deadline
    } else {
        (UNIX_EPOCH + deadline).duration_since(now).unwrap_or_default()
    };
    left.saturating_sub(MARGIN)
}

/// Converts a failure to Lambda's format. Each kind of failure keeps its error type, so that a
/// `Retry` or a `Catch` of a state machine can match the type.
impl From<Failed> for Diagnostic {
    fn from(Failed { error_type, failure }: Failed) -> Self {
        Self { error_type, error_message: failure.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invocation::testing::Shop;
    use crate::logs::testing::Logged;
    use chorus_kernel::Failure;

    #[test]
    fn work_is_given_up_a_moment_before_the_deadline() {
        let now = UNIX_EPOCH + Duration::from_millis(1_795_688_887_000);
        assert_eq!(time_left(1_795_688_890_000, now), Duration::from_millis(2_800));
        assert_eq!(time_left(1_795_688_887_100, now), Duration::ZERO);
        assert_eq!(time_left(1_795_688_880_000, now), Duration::ZERO);
        assert_eq!(time_left(0, now), Duration::ZERO);
    }

    /// The lines that are logged for one invocation with this payload.
    async fn logged(payload: &str) -> Vec<String> {
        let logged = Logged::default();
        let shop = Shop::default();
        let mut context = lambda_runtime::Context::default();
        context.request_id = "8c4f2d3a-2f6b-4d3c-9a33-0f1e2d3c4b5a".to_owned();
        context.deadline = 60_000;
        context.xray_trace_id =
            Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8".to_owned());
        let payload = RawValue::from_string(payload.to_owned()).unwrap();
        let event = LambdaEvent::new(payload, context);
        let guard = logged.begin();
        handle(&shop.invoker(), &Meter::default(), event).await.unwrap();
        drop(guard);
        logged.lines()
    }

    #[tokio::test]
    async fn an_invocation_is_one_short_line_that_says_what_was_done_about_what() {
        let order = include_str!("../../../events/samples/OrderCreated.json");
        let lines = logged(order).await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(lines[0].len() < 400, "{} bytes: {}", lines[0].len(), lines[0]);
        assert_eq!(line["span"]["action"], "ReserveItem");
        assert_eq!(line["span"]["event"], "OrderCreated");
        assert_eq!(line["span"]["correlation_id"], "1073459984");
        for field in ["ms", "requests", "reads", "writes"] {
            assert!(line[field].is_number(), "{field} in {line}");
        }
    }

    #[tokio::test]
    async fn each_message_of_several_has_a_line() {
        let order = include_str!("../../../events/samples/OrderCreated.json");
        let record =
            |id| serde_json::json!({ "messageId": id, "body": order, "eventSource": "aws:sqs" });
        let lines = logged(&serde_json::json!({ "Records": [record("1")] }).to_string()).await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let both = serde_json::json!({ "Records": [record("1"), record("2")] });
        let lines = logged(&both.to_string()).await;
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines[1].contains(r#""message_id":"2""#) && lines[1].contains("ReserveItem"));
    }

    #[test]
    fn how_long_cargo_lambda_waits_is_not_taken_for_a_moment_in_1970() {
        let now = UNIX_EPOCH + Duration::from_millis(1_795_688_887_000);
        assert_eq!(time_left(600_000, now), Duration::from_millis(599_800));
    }

    #[test]
    fn a_failure_is_reported_by_its_stable_name() {
        let throttled = Failure::later("Throttled", "too much");
        assert_eq!(Diagnostic::from(Failed::from(throttled)).error_type, "Retryable.Throttled");
        let reused = Failure::Terminal { code: "KeyReused", message: "a key".to_owned() };
        let reported = Diagnostic::from(Failed::from(reused));
        assert_eq!(reported.error_type, "Terminal.KeyReused");
        assert_eq!(reported.error_message, "a key");
    }
}
