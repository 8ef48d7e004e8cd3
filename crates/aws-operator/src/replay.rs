//! Replays the archive of the stack's bus by EventBridge's own replay.

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::ReplayDestination;
use jiff::Timestamp;

use crate::{Operator, OperatorError, send};

/// A replay that EventBridge has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStarted {
    /// The name of the replay. Each replayed event has this name in its field `replay-name`.
    pub name: String,
    pub arn: String,
}

impl Operator {
    /// The approximate number of events in the archive.
    ///
    /// # Errors
    /// If AWS refuses, or there is no archive.
    pub async fn archived(&self) -> Result<i64, OperatorError> {
        let (name, _) = self.archive().await?;
        let archive = send!(self.events.describe_archive().archive_name(&name));
        Ok(archive.event_count())
    }

    /// Makes EventBridge send the events that were archived between `from` and `to` to the bus
    /// again. If `rule` is given, only the targets of that rule get the events.
    ///
    /// # Errors
    /// If AWS refuses, or the bus has no rule of this name.
    pub async fn replay(
        &self,
        from: Timestamp,
        to: Timestamp,
        rule: Option<&str>,
    ) -> Result<ReplayStarted, OperatorError> {
        let (bus, bus_arn) = self.bus().await?;
        let (_, archive) = self.archive().await?;
        let name = format!("{}-{}", self.stack, Timestamp::now().as_millisecond());
        let mut destination = ReplayDestination::builder().arn(&bus_arn);
        if let Some(rule) = rule {
            let described = send!(self.events.describe_rule().event_bus_name(&bus).name(rule));
            destination = destination.filter_arns(described.arn().unwrap_or_default());
        }
        let destination =
            destination.build().map_err(|error| OperatorError::Refused(error.to_string()))?;
        let at = |when: Timestamp| DateTime::from_secs(when.as_second());
        let started = send!(
            self.events
                .start_replay()
                .replay_name(&name)
                .event_source_arn(archive)
                .event_start_time(at(from))
                .event_end_time(at(to))
                .destination(destination)
        );
        let arn = started.replay_arn().unwrap_or_default().to_owned();
        tracing::info!(name, ?rule, %from, %to, "started a replay");
        Ok(ReplayStarted { name, arn })
    }

    /// The name and the ARN of the bus's archive.
    async fn archive(&self) -> Result<(String, String), OperatorError> {
        let (_, bus) = self.bus().await?;
        let listed = send!(self.events.list_archives().event_source_arn(&bus));
        let name = listed.archives().iter().find_map(|archive| archive.archive_name());
        let name = name.ok_or_else(|| self.missing("archive"))?.to_owned();
        let described = send!(self.events.describe_archive().archive_name(&name));
        Ok((name, described.archive_arn().unwrap_or_default().to_owned()))
    }
}
