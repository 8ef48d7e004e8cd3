//! The console's access to a deployed shop. The stack's API does not serve the paths under
//! `/operator`, so this module reads what they return from AWS. All other requests go to the API.

use std::collections::{BTreeMap, VecDeque};

use anyhow::Context;
use async_trait::async_trait;
use axum::extract::Query;
use chorus_aws_operator::{
    Execution, ExecutionHistory, HistoryMoment, Operator, ReceivedDeadLetter,
};
use chorus_console::{Answer, ApiRequest, ShopApi, Unreachable};
use chorus_event_log::LoggedEvent;
use chorus_events::table::TABLE;
use chorus_http::Caller;
use chorus_kernel::{ActiveRegion, derived_id, execution_name};
use chorus_shop::cost::measure;
use chorus_shop::{ExecutionStory, Moment};
use serde::Deserialize;
use serde_json::{Value, json};

use super::nested::Nested;
use crate::client::{self, Client};
use crate::command::dlq::Which;
use crate::command::dlq::deployed::{look, send_again, target};
use crate::command::doctor;
use crate::timeline::events_of;

pub(super) struct DeployedShop {
    pub(super) client: Client,
    pub(super) operator: Operator,
    pub(super) nested: Nested,
}

#[async_trait]
impl ShopApi for DeployedShop {
    async fn ask(&self, _: &Caller, ask: ApiRequest) -> Result<Answer, Unreachable> {
        let answered = match ask.path.strip_prefix("/operator/") {
            Some(asked) => self.operate(asked, ask.body.as_ref()).await,
            None => self.forward(&ask).await,
        };
        answered.map_err(|error| Unreachable(format!("{error:#}")))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Redrive {
    ids: Option<Vec<Value>>,
    #[serde(default)]
    dry_run: bool,
}

impl DeployedShop {
    async fn forward(&self, ask: &ApiRequest) -> anyhow::Result<Answer> {
        let (method, key) = (ask.method, ask.idempotency_key.as_deref());
        let asked = client::ApiRequest { method, path: &ask.path, key, body: ask.body.clone() };
        let (status, body) = self.client.send(asked).await?;
        Ok(Answer { status, body })
    }

    async fn operate(&self, asked: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
        let body = match path {
            "dead-letters" => {
                let letters = look(&self.operator, &Which::default()).await?;
                letters.iter().map(letter).collect()
            }
            "dead-letters/redrive" => self.redrive(body).await?,
            "doctor" => serde_json::to_value(doctor::deployed(None, &self.operator).await?)?,
            "executions" => {
                let order = query.strip_prefix("order-id=").unwrap_or_default();
                serde_json::to_value(self.executions(order).await?)?
            }
            "cost" => {
                let query = Query::try_from_uri(&format!("/?{query}").parse()?)?;
                serde_json::to_value(measure(query.0).await?)?
            }
            // The console also requests `attempts` and `accounts`. But EventBridge does not report
            // its delivery attempts, and this process cannot read the payment provider's ledger,
            // which `accounts` needs.
            _ => {
                let detail = format!("{path} is not available for a deployed shop");
                return Ok(Answer { status: 404, body: json!({ "detail": detail }) });
            }
        };
        Ok(Answer { status: 200, body })
    }

    async fn redrive(&self, body: Option<&Value>) -> anyhow::Result<Value> {
        let body = body.cloned().unwrap_or_default();
        let Redrive { ids, dry_run } = serde_json::from_value(body)?;
        let ids = ids.unwrap_or_default().iter().map(id).collect();
        let which = Which::of(ids);
        if dry_run {
            return Ok(look(&self.operator, &which).await?.iter().map(letter).collect());
        }
        let (went, _) = send_again(&self.operator, &which, None, |_, _| {}).await?;
        Ok(Value::Array(went))
    }

    /// Returns the executions that the order's events start, and the executions nested in them.
    async fn executions(&self, order: &str) -> anyhow::Result<Vec<ExecutionStory>> {
        let machines = self.operator.machines().await?;
        let takeovers = self.takeovers().await?;
        let events = self.events(order).await?;
        let mut asked: VecDeque<(Execution, Option<String>)> =
            events.iter().flat_map(|event| starts(event, takeovers)).collect();
        let mut stories = Vec::new();
        while let Some((execution, cause)) = asked.pop_front() {
            if let Some(history) = self.operator.history(&execution, &machines).await? {
                asked.extend(self.nested.of(&execution).map(|nested| (nested, None)));
                stories.push(story(history, cause));
            }
        }
        Ok(stories)
    }

    /// Returns how many times one region has taken over from the other; 0 for a stack in one
    /// region.
    async fn takeovers(&self) -> anyhow::Result<u64> {
        if self.operator.one_of_two_regions().await?.is_none() {
            return Ok(0);
        }
        let active = ActiveRegion::read(&self.operator.store().await?).await?;
        Ok(active.map_or(0, |active| active.takeovers))
    }

    /// Reads the events of an order from the event log.
    pub(super) async fn events(&self, order: &str) -> anyhow::Result<Vec<LoggedEvent>> {
        events_of(&self.client, order).await
    }

    /// Reads the ids of the newest orders, with their statuses.
    pub(super) async fn newest_orders(
        &self,
        limit: usize,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let path = format!("/orders?limit={limit}");
        let page: Value = self.client.ask(client::ApiRequest::get(&path)).await?;
        let orders = page["orders"].as_array().context("the list of orders cannot be parsed")?;
        let text = |order: &Value, name: &str| Some(order[name].as_str()?.to_owned());
        let views =
            orders.iter().filter_map(|it| Some((text(it, "order-id")?, text(it, "status")?)));
        Ok(views.collect())
    }
}

/// Returns the executions that rows of the design table may have started for this event. An
/// execution's name derives from the row, from the event's idempotency key, and from the number of
/// takeovers before its start.
fn starts(event: &LoggedEvent, takeovers: u64) -> Vec<(Execution, Option<String>)> {
    let consumes =
        |on: &[chorus_table::EventSpec]| on.iter().any(|on| on.detail_type == event.detail_type);
    let rows = TABLE.rows.iter().filter(|row| row.starts_machine && consumes(row.on));
    let named = rows.flat_map(|row| {
        let id = derived_id(row.action, &event.metadata.idempotency_key, 0).simple();
        let name = format!("{}-{id}", row.action);
        (0..=takeovers).map(move |takeovers| Execution {
            machine: row.action.to_owned(),
            name: execution_name(&name, takeovers),
        })
    });
    named.map(|execution| (execution, Some(event.metadata.event_id.to_string()))).collect()
}

fn story(history: ExecutionHistory, started_by: Option<String>) -> ExecutionStory {
    let ExecutionHistory { machine, name, status, events, .. } = history;
    let moments = events.into_iter().map(|HistoryMoment { at, kind, state, error }| Moment {
        at,
        kind,
        state,
        error,
    });
    let moments: Vec<Moment> = moments.collect();
    let current = if status == "RUNNING" { entered(&moments) } else { Vec::new() };
    ExecutionStory {
        machine,
        name,
        started_by,
        parent: None,
        status,
        current,
        until: None,
        moments,
    }
}

/// Returns the states that the execution has entered and has not left yet.
fn entered(moments: &[Moment]) -> Vec<String> {
    let mut entered: BTreeMap<&str, i64> = BTreeMap::new();
    for moment in moments {
        let Some(state) = &moment.state else { continue };
        let change = if moment.kind.ends_with("StateEntered") { 1 } else { -1 };
        *entered.entry(state).or_default() += change;
    }
    let inside = entered.into_iter().filter(|(_, times)| *times > 0);
    inside.map(|(state, _)| state.to_owned()).collect()
}

/// Reads a dead letter's id from a request of the console's page. The ids of a stack's dead letters
/// are strings.
fn id(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), ToOwned::to_owned)
}

/// Returns a dead letter as JSON, in the form in which `chorus up` returns dead letters.
fn letter(letter: &ReceivedDeadLetter) -> Value {
    let event: Value = serde_json::from_str(&letter.event).unwrap_or_default();
    json!({
        "id": letter.id,
        "queue": letter.queue_url.rsplit('/').next().unwrap_or_default(),
        "rule": letter.rule.as_deref().unwrap_or_else(|| target(letter)),
        "order-id": letter.about(),
        "detail-type": letter.detail_type(),
        "at": event["detail"]["metadata"]["occurred-at"],
        "attributes": { "ERROR_CODE": letter.code, "ERROR_MESSAGE": letter.message },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(kind: &str, state: &str) -> Moment {
        let (kind, state) = (kind.to_owned(), Some(state.to_owned()));
        Moment { at: jiff::Timestamp::UNIX_EPOCH, kind, state, error: None }
    }

    #[test]
    fn an_execution_is_in_the_states_that_it_entered_and_has_not_left() {
        let passed = [
            moment("PassStateEntered", "First"),
            moment("PassStateExited", "First"),
            moment("TaskStateEntered", "Wait"),
        ];
        assert_eq!(entered(&passed), ["Wait"]);
        assert_eq!(entered(&passed[..2]), [""; 0]);
    }
}
