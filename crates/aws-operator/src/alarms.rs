//! Reads the stack's CloudWatch alarms: they report problems that no table of the stack records.

use aws_sdk_cloudwatch::types::{AlarmType, MetricAlarm, StateValue};
use jiff::Timestamp;

use crate::{Operator, OperatorError, send, time};

/// An alarm of the stack whose state is ALARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiringAlarm {
    /// The alarm's name without the stack's name in front, such as `start-delivery-retries`.
    pub name: String,
    /// The description that the template gives the alarm.
    pub description: String,
    /// When the alarm's state became ALARM.
    pub since: Timestamp,
    /// The values that exceeded the threshold, as CloudWatch describes them.
    pub reason: String,
}

impl Operator {
    /// Returns the stack's alarms whose state is ALARM, sorted by name.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn firing_alarms(&self) -> Result<Vec<FiringAlarm>, OperatorError> {
        let prefix = format!("{}-", self.stack);
        let others = self.stacks_named_like_this_one(&prefix).await?;
        let (mut firing, mut next) = (Vec::new(), None);
        loop {
            let request = self.alarms.describe_alarms().alarm_name_prefix(&prefix);
            let request = request.alarm_types(AlarmType::MetricAlarm);
            let request = request.state_value(StateValue::Alarm).set_next_token(next);
            let page = send!(request);
            let ours = page.metric_alarms().iter().filter(|alarm| {
                let name = alarm.alarm_name().unwrap_or_default();
                !others.iter().any(|other| name.starts_with(&format!("{other}-")))
            });
            firing.extend(ours.map(|alarm| read(alarm, &prefix)));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                firing.sort_by(|a, b| a.name.cmp(&b.name));
                return Ok(firing);
            }
        }
    }

    /// Returns the other stacks whose names begin with this stack's name, so that the alarms of
    /// `shop-dev` do not count as alarms of `shop`. Lists buses to find the stacks, because each
    /// bus has the name of its stack.
    async fn stacks_named_like_this_one(&self, prefix: &str) -> Result<Vec<String>, OperatorError> {
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let request = self.events.list_event_buses().name_prefix(prefix);
            let page = send!(request.set_next_token(next));
            found.extend(page.event_buses().iter().filter_map(|bus| bus.name.clone()));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}

fn read(alarm: &MetricAlarm, prefix: &str) -> FiringAlarm {
    let name = alarm.alarm_name().unwrap_or_default();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    // `StateUpdatedTimestamp` may change while the state stays the same, so it is used only if
    // `StateTransitionedTimestamp` is absent.
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    FiringAlarm {
        name: name.strip_prefix(prefix).unwrap_or(name).to_owned(),
        description: text(alarm.alarm_description()),
        since: since.map(time).unwrap_or_default(),
        reason: text(alarm.state_reason()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Bytes;
    use axum::extract::State;
    use axum::http::{StatusCode, Uri};

    use super::*;
    use crate::testing::operator;

    /// The head of a CBOR data item: its major type, and an argument below 65,536.
    fn head(major: u8, number: usize) -> Vec<u8> {
        let [.., high, low] = number.to_be_bytes();
        match number {
            0..24 => vec![major << 5 | low],
            _ => vec![major << 5 | 25, high, low],
        }
    }

    fn text(text: &str) -> Vec<u8> {
        [head(3, text.len()), text.as_bytes().to_vec()].concat()
    }

    fn list(items: &[Vec<u8>]) -> Vec<u8> {
        [head(4, items.len()), items.concat()].concat()
    }

    fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let entries: Vec<Vec<u8>> =
            entries.iter().map(|(name, value)| [text(name), value.clone()].concat()).collect();
        [head(5, entries.len()), entries.concat()].concat()
    }

    fn at(seconds: f64) -> Vec<u8> {
        [vec![0xc1, 0xfb], seconds.to_be_bytes().to_vec()].concat()
    }

    fn alarm(name: &str) -> Vec<u8> {
        map(&[
            ("AlarmName", text(name)),
            ("AlarmDescription", text("The carrier does not answer")),
            ("StateReason", text("3.0 was greater than the threshold (2.0)")),
            ("StateTransitionedTimestamp", at(1_700_000_000.5)),
            ("StateUpdatedTimestamp", at(1_700_009_999.0)),
        ])
    }

    /// Answers as AWS does, with a list of alarms that has two pages. Keeps the requests for alarms
    /// in `asked`.
    async fn aws(State(asked): State<Arc<Mutex<Vec<Bytes>>>>, uri: Uri, body: Bytes) -> Vec<u8> {
        if !uri.path().ends_with("/operation/DescribeAlarms") {
            return br#"{ "EventBuses": [{ "Name": "shop-dev" }] }"#.to_vec();
        }
        let mut asked = asked.lock().unwrap();
        asked.push(body);
        if asked.len() == 1 {
            let alarms = list(&[alarm("shop-start-delivery-retries"), alarm("shop-dev-errors")]);
            map(&[("MetricAlarms", alarms), ("NextToken", text("the-next-page"))])
        } else {
            map(&[("MetricAlarms", list(&[alarm("shop-api-errors")]))])
        }
    }

    fn contains(body: &[u8], wanted: &str) -> bool {
        body.windows(wanted.len()).any(|part| part == wanted.as_bytes())
    }

    #[tokio::test]
    async fn the_alarms_of_the_stack_that_fire_are_read_from_all_pages_and_no_others() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Router::new().fallback(aws).with_state(Arc::clone(&asked));
        let operator = operator(server.layer(axum::middleware::map_response(as_cbor))).await;
        let firing = operator.firing_alarms().await.unwrap();
        let names: Vec<&str> = firing.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["api-errors", "start-delivery-retries"]);
        assert_eq!(firing[1].since, "2023-11-14T22:13:20.5Z".parse().unwrap());
        assert_eq!(firing[1].reason, "3.0 was greater than the threshold (2.0)");
        assert_eq!(firing[1].description, "The carrier does not answer");
        let asked = asked.lock().unwrap();
        assert!(asked.iter().all(|body| contains(body, "shop-") && contains(body, "ALARM")));
        assert!(!contains(&asked[0], "the-next-page") && contains(&asked[1], "the-next-page"));
    }

    /// Adds the header that names the protocol. The SDK reads a response of CloudWatch only if the
    /// response has this header.
    async fn as_cbor(mut response: axum::response::Response) -> axum::response::Response {
        let protocol = "rpc-v2-cbor".parse().unwrap();
        response.headers_mut().insert("smithy-protocol", protocol);
        response
    }

    #[tokio::test]
    async fn a_credential_that_may_not_read_alarms_is_refused() {
        let refuse = || async { (StatusCode::FORBIDDEN, r#"{"__type":"AccessDenied"}"#) };
        let operator = operator(Router::new().fallback(refuse)).await;
        let refused = operator.firing_alarms().await;
        assert!(matches!(refused, Err(OperatorError::Refused(_))), "{refused:?}");
    }
}
