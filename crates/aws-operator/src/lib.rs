//! An operator's operations on a deployed application, through AWS's own API: reads dead letters
//! and sends them to their original targets, replays the archive, and reads rules, tables,
//! executions and alarms.
//!
//! Resources are found by the stack's name, because every name that CloudFormation generates begins
//! with the stack's name. This crate is separate from `chorus-aws`, so that functions are not built
//! with clients that only an operator needs.

mod alarms;
mod bus_target;
mod dead_letter;
mod executions;
mod redrive;
mod regions;
mod replay;
mod restored;
mod secret;
#[cfg(test)]
mod testing;
mod user_pool;

use aws_sdk_cloudwatch::Client as Alarms;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cognitoidentityprovider::Client as Users;
use aws_sdk_dynamodb::Client as Dynamo;
use aws_sdk_eventbridge::Client as Events;
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_secretsmanager::Client as Secrets;
use aws_sdk_sfn::Client as Machines;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_types::SdkConfig;
use chorus_aws::{DynamoStore, Tables};
use jiff::Timestamp;

pub use alarms::FiringAlarm;
pub use dead_letter::{ReceivedDeadLetter, Target};
pub use executions::{EndedExecution, Execution, ExecutionHistory, HistoryMoment};
pub use regions::StackRule;
pub use replay::ReplayStarted;
pub use secret::StackSecret;
pub use user_pool::UserPool;

/// Why an operator's operation failed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// AWS refused the request, or did not answer.
    #[error("AWS refused the request, or did not answer: {0}")]
    Refused(String),
    #[error(
        "there are no AWS credentials in the environment: `aws configure export-credentials \
         --format env` prints the credentials of a profile"
    )]
    NoCredentials,
    #[error("the stack {stack} has no {what}: is the stack deployed in this account and region?")]
    Missing { stack: String, what: String },
    #[error("the dead letter {0} cannot be sent again, because it does not name its target")]
    NoTarget(String),
    /// The target of a dead letter is neither a function, a queue nor an event bus.
    #[error(
        "the dead letter {letter} cannot be sent again: only a rule can reach its target, {target}"
    )]
    OnlyTheBus { letter: String, target: String },
    /// The target of a dead letter is an event bus, and the event cannot be read.
    #[error(
        "the dead letter {0} must contain an event in EventBridge's format, to be put on a bus"
    )]
    Event(String, #[source] serde_json::Error),
    /// The target of a dead letter is an event bus, and another account published the event. This
    /// account cannot publish the event in the name of the other account.
    #[error(
        "the account {1} published the event of the dead letter {0}: only that account can send it again"
    )]
    OtherAccount(String, String),
    #[error("the event bus did not accept the event: {code}: {message}")]
    NotAccepted { code: String, message: String },
    /// A rule's pattern is not JSON.
    #[error("the event pattern of the rule {0} must be JSON")]
    Pattern(String, #[source] serde_json::Error),
    /// The sweeper reads each state machine's timeouts from an environment variable `LIMITS_…`. One
    /// of these variables is not JSON.
    #[error("each environment variable LIMITS_… of the sweeper's function must be JSON")]
    Timeouts(#[source] serde_json::Error),
}

impl OperatorError {
    pub(crate) fn of(error: &(impl std::error::Error + 'static)) -> Self {
        let answer = DisplayErrorContext(error).to_string();
        if answer.contains("NoIdentityResolver") {
            Self::NoCredentials
        } else {
            Self::Refused(answer)
        }
    }
}

/// Sends a request of the SDK. If the request fails, the calling function returns the error as an
/// [`OperatorError`].
macro_rules! send {
    ($request:expr) => {
        $request.send().await.map_err(|error| crate::OperatorError::of(&error))?
    };
}
pub(crate) use send;

/// Converts a time of the SDK to a `Timestamp`. A time that a `Timestamp` cannot represent becomes
/// 1970-01-01.
fn time(time: &DateTime) -> Timestamp {
    let nanoseconds = i32::try_from(time.subsec_nanos()).unwrap_or_default();
    Timestamp::new(time.secs(), nanoseconds).unwrap_or_default()
}

/// A queue of messages that were not processed, with the number of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    pub name: String,
    pub url: String,
    /// The approximate number of messages in the queue.
    pub letters: usize,
}

/// The AWS clients with which an operator reads the queues, rules and tables of one stack, redrives
/// its dead letters, and replays its archive.
#[derive(Debug, Clone)]
pub struct Operator {
    stack: String,
    sqs: Sqs,
    events: Events,
    lambda: Lambda,
    machines: Machines,
    dynamo: Dynamo,
    secrets: Secrets,
    users: Users,
    alarms: Alarms,
}

impl Operator {
    /// An operator of the stack of this name, in the account and region of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig, stack: impl Into<String>) -> Self {
        Self {
            stack: stack.into(),
            sqs: Sqs::new(config),
            events: Events::new(config),
            lambda: Lambda::new(config),
            machines: Machines::new(config),
            dynamo: Dynamo::new(config),
            secrets: Secrets::new(config),
            users: Users::new(config),
            alarms: Alarms::new(config),
        }
    }

    fn missing(&self, what: impl Into<String>) -> OperatorError {
        OperatorError::Missing { stack: self.stack.clone(), what: what.into() }
    }

    /// Returns the queues whose dead letters wait for an operator, sorted by name.
    ///
    /// # Errors
    /// If AWS refuses, or the stack has no such queue.
    pub async fn dead_queues(&self) -> Result<Vec<QueueDepth>, OperatorError> {
        // A dead-letter queue that a function consumes is left out. For example, Delivery's
        // function consumes the dead letters of the row StartDelivery.
        let is_end = |kind: &str| kind == "DeadLetters" || kind.ends_with("Failures");
        let queues = self.queues(is_end).await?;
        if queues.is_empty() { Err(self.missing("queue of dead letters")) } else { Ok(queues) }
    }

    /// Returns the redrive queues, sorted by name. Each queue contains the events on which one
    /// function failed. The function gets these events again from the queue.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn redrive_queues(&self) -> Result<Vec<QueueDepth>, OperatorError> {
        self.queues(|kind| kind.ends_with("Redrive")).await
    }

    /// The queues whose logical names `meant` accepts, with the number of messages in each queue.
    async fn queues(&self, meant: impl Fn(&str) -> bool) -> Result<Vec<QueueDepth>, OperatorError> {
        let prefix = format!("{}-", self.stack);
        let listed = send!(self.sqs.list_queues().queue_name_prefix(&prefix));
        let mut queues = Vec::new();
        for url in listed.queue_urls() {
            let name = url.rsplit('/').next().unwrap_or_default();
            let kind = name.strip_prefix(&prefix).unwrap_or_default();
            let kind = kind.split('-').next().unwrap_or_default();
            if !meant(kind) {
                continue;
            }
            // A message that was just received is not visible, but is still in the queue.
            let counts = [
                QueueAttributeName::ApproximateNumberOfMessages,
                QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            ];
            let request = self.sqs.get_queue_attributes().queue_url(url);
            let answer = send!(request.set_attribute_names(Some(counts.to_vec())));
            let counted = answer.attributes().into_iter().flatten();
            let letters = counted.filter_map(|(_, count)| count.parse::<usize>().ok()).sum();
            let (name, url) = (name.to_owned(), url.clone());
            queues.push(QueueDepth { name, url, letters });
        }
        queues.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(queues)
    }

    /// The name and the event pattern of each rule on the stack's bus, without the rules that
    /// EventBridge manages.
    ///
    /// # Errors
    /// If AWS refuses, the stack has no bus, or a pattern is not JSON.
    pub async fn rules(&self) -> Result<Vec<(String, serde_json::Value)>, OperatorError> {
        let bus = self.bus().await?.0;
        let (mut rules, mut next) = (Vec::new(), None);
        loop {
            let page = send!(self.events.list_rules().event_bus_name(&bus).set_next_token(next));
            for rule in page.rules() {
                let name = rule.name().unwrap_or_default().to_owned();
                // Skips rules without a pattern, and rules that EventBridge manages, such as the
                // rule that it adds for each archive.
                let Some(pattern) = rule.event_pattern().filter(|_| rule.managed_by().is_none())
                else {
                    continue;
                };
                let unreadable = |error| OperatorError::Pattern(name.clone(), error);
                let pattern = serde_json::from_str(pattern).map_err(unreadable)?;
                rules.push((name, pattern));
            }
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(rules);
            }
        }
    }

    /// The name and the ARN of the bus.
    async fn bus(&self) -> Result<(String, String), OperatorError> {
        let prefix = &self.stack;
        let listed = send!(self.events.list_event_buses().name_prefix(prefix));
        let bus = listed.event_buses().iter().find_map(|bus| {
            let ours = bus.name()? == self.stack || bus.name()?.starts_with(&format!("{prefix}-"));
            ours.then(|| Some((bus.name()?.to_owned(), bus.arn()?.to_owned())))?
        });
        bus.ok_or_else(|| self.missing("bus"))
    }

    /// A store on the application's tables.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn store(&self) -> Result<DynamoStore, OperatorError> {
        let tables: Tables = self.tables().await?.into_iter().collect();
        Ok(DynamoStore::new(self.dynamo.clone(), tables))
    }

    /// Returns a pair for each of the stack's tables: the environment variable that holds the
    /// table's physical name in functions, and the physical name.
    pub(crate) async fn tables(&self) -> Result<Vec<(String, String)>, OperatorError> {
        let (mut found, mut start) = (Vec::new(), None::<String>);
        loop {
            let page =
                send!(self.dynamo.list_tables().set_exclusive_start_table_name(start.clone()));
            found.extend(page.table_names().iter().filter_map(|name| self.table(name)));
            start = page.last_evaluated_table_name().map(ToOwned::to_owned);
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// Returns the physical name of a table, such as `chorus-EventLogTable-1X`, with the
    /// environment variable that holds it in functions, such as `TABLE_EVENT_LOG`. Returns `None`
    /// for a table of another stack.
    fn table(&self, physical: &str) -> Option<(String, String)> {
        let rest = physical.strip_prefix(&format!("{}-", self.stack))?;
        let logical = rest.split('-').next()?.strip_suffix("Table")?;
        let mut variable = "TABLE".to_owned();
        for letter in logical.chars() {
            if letter.is_uppercase() {
                variable.push('_');
            }
            variable.push(letter.to_ascii_uppercase());
        }
        Some((variable, physical.to_owned()))
    }
}
