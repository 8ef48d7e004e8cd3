//! Redrives dead letters whose target is an event bus, such as the bus of another account.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Region;
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Operator, OperatorError, ReceivedDeadLetter, send};

/// The fields of an event that PutEvents accepts, and the account that published the event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StoredEvent {
    account: String,
    source: String,
    detail_type: String,
    #[serde(default)]
    time: Option<Timestamp>,
    #[serde(default)]
    resources: Vec<String>,
    /// The detail's JSON text as it was received, because a number such as `36.50` would change if
    /// it were parsed and written again.
    detail: Box<RawValue>,
}

impl Operator {
    /// Puts the event of a dead letter on the event bus with the ARN `bus`. EventBridge gives the
    /// event a new `id`, and the caller's account as its `account`. So an event of another account
    /// is not put on the bus: it would become an event of this account.
    ///
    /// # Errors
    /// If the event cannot be read or is another account's, or if AWS or the bus refuses it.
    pub(crate) async fn put_on_bus(
        &self,
        letter: &ReceivedDeadLetter,
        bus: &str,
    ) -> Result<(), OperatorError> {
        let unreadable = |error| OperatorError::Event(letter.id.clone(), error);
        let event: StoredEvent = serde_json::from_str(&letter.event).map_err(unreadable)?;
        if account_of_queue(&letter.queue_url) != Some(event.account.as_str()) {
            return Err(OperatorError::OtherAccount(letter.id.clone(), event.account));
        }
        accepted(&send!(self.events_in_region_of(bus).put_events().entries(event.entry(bus))))
    }

    /// A client for the region of the bus with the ARN `bus`: PutEvents does not reach the buses of
    /// other regions.
    fn events_in_region_of(&self, bus: &str) -> Client {
        let region = bus.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let config = self.events.config();
        Client::from_conf(config.to_builder().region(region).build())
    }
}

impl StoredEvent {
    fn entry(self, bus: &str) -> PutEventsRequestEntry {
        let time = self.time.map(|time| DateTime::from_secs(time.as_second()));
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(self.source)
            .detail_type(self.detail_type)
            .detail(self.detail.get())
            .set_time(time)
            .set_resources(Some(self.resources).filter(|resources| !resources.is_empty()))
            .build()
    }
}

/// The account of the queue with this URL, such as
/// `https://sqs.eu-west-1.amazonaws.com/123456789012/shop-DeadLetters-1X`.
fn account_of_queue(url: &str) -> Option<&str> {
    url.rsplit('/').nth(1)
}

/// Checks that the bus accepted the only entry of the request. PutEvents responds with 200 even if
/// the bus rejected the entry.
fn accepted(answer: &PutEventsOutput) -> Result<(), OperatorError> {
    let text = |text: Option<&str>| text.unwrap_or("an unknown error").to_owned();
    let refused = answer.entries().iter().find(|entry| entry.error_code().is_some());
    if answer.failed_entry_count() == 0 && refused.is_none() {
        return Ok(());
    }
    let code = text(refused.and_then(|entry| entry.error_code()));
    let message = text(refused.and_then(|entry| entry.error_message()));
    Err(OperatorError::NotAccepted { code, message })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::body::Bytes;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::{Router, routing::post};
    use serde_json::{Value, json};

    use super::*;
    use crate::Target;
    use crate::testing::operator;

    const BUS: &str = "arn:aws:events:eu-central-1:222222222222:event-bus/enterprise";

    /// A request to AWS: its operation, such as `AWSEvents.PutEvents`, the region for which it is
    /// signed, and its body.
    #[derive(Debug, Clone)]
    struct Asked {
        operation: String,
        region: String,
        body: Value,
    }

    /// A fake of AWS. It answers PutEvents with a fixed status and body, answers every other
    /// request with 200, and keeps all requests.
    #[derive(Clone)]
    struct Aws {
        status: StatusCode,
        answer: Value,
        asked: Arc<Mutex<Vec<Asked>>>,
    }

    impl Aws {
        fn answering(status: StatusCode, answer: Value) -> Self {
            Self { status, answer, asked: Arc::default() }
        }

        fn accepting() -> Self {
            let answer = json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "1" }] });
            Self::answering(StatusCode::OK, answer)
        }

        async fn redrive(&self, letter: &ReceivedDeadLetter) -> Result<(), OperatorError> {
            let server = Router::new().route("/", post(answer)).with_state(self.clone());
            operator(server).await.redrive(letter).await
        }

        /// The operations that were requested, in order.
        fn operations(&self) -> Vec<String> {
            self.asked.lock().unwrap().iter().map(|asked| asked.operation.clone()).collect()
        }
    }

    async fn answer(
        State(aws): State<Aws>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, String) {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let operation = header("x-amz-target");
        let scope = header("authorization");
        let region = scope.split('/').nth(2).unwrap().to_owned();
        let body = serde_json::from_slice(&body).unwrap();
        let puts = operation == "AWSEvents.PutEvents";
        aws.asked.lock().unwrap().push(Asked { operation, region, body });
        if puts { (aws.status, aws.answer.to_string()) } else { (StatusCode::OK, "{}".to_owned()) }
    }

    fn public_event(account: &str) -> String {
        // If the number `36.50` were parsed and written again, it would be `36.5`.
        let detail = r#"{"data":{"total":36.50,"order-id":"7"},"metadata":{"version":1}}"#;
        format!(
            r#"{{"version":"0","id":"a","account":"{account}","source":"com.example.shop",
                "detail-type":"ShopOrderDelivered","region":"eu-west-1","resources":["r"],
                "time":"2026-11-20T10:47:00Z","detail":{detail}}}"#
        )
    }

    /// A dead letter of the shop, whose account is 111111111111, for the bus of the enterprise.
    fn letter(event: String) -> ReceivedDeadLetter {
        ReceivedDeadLetter {
            id: "17".to_owned(),
            queue_url: "https://sqs.eu-west-1.amazonaws.com/111111111111/shop-DeadLetters-1X"
                .to_owned(),
            receipt: "the receipt".to_owned(),
            event,
            target: Target::EventBus(BUS.to_owned()),
            code: "NO_PERMISSIONS".to_owned(),
            message: String::new(),
            rule: Some("enterprise-ForwardOutcome".to_owned()),
        }
    }

    #[tokio::test]
    async fn the_event_is_put_on_the_bus_as_it_was_published_and_then_deleted() {
        let aws = Aws::accepting();
        aws.redrive(&letter(public_event("111111111111"))).await.unwrap();
        assert_eq!(aws.operations(), ["AWSEvents.PutEvents", "AmazonSQS.DeleteMessage"]);
        let asked = aws.asked.lock().unwrap().clone();
        assert_eq!(asked[0].region, "eu-central-1", "the bus is in another region");
        let entry = json!({
            "EventBusName": BUS,
            "Source": "com.example.shop",
            "DetailType": "ShopOrderDelivered",
            "Detail": r#"{"data":{"total":36.50,"order-id":"7"},"metadata":{"version":1}}"#,
            "Time": 1_795_171_620,
            "Resources": ["r"],
        });
        assert_eq!(asked[0].body["Entries"], json!([entry]));
        assert_eq!(asked[1].body["ReceiptHandle"], "the receipt");
    }

    #[tokio::test]
    async fn an_event_that_the_bus_does_not_accept_stays_a_dead_letter() {
        let entry =
            json!({ "ErrorCode": "NotAuthorized", "ErrorMessage": "the policy forbids it" });
        let aws =
            Aws::answering(StatusCode::OK, json!({ "FailedEntryCount": 1, "Entries": [entry] }));
        let refused = aws.redrive(&letter(public_event("111111111111"))).await.unwrap_err();
        let expected =
            "the event bus did not accept the event: NotAuthorized: the policy forbids it";
        assert_eq!(refused.to_string(), expected);
        assert_eq!(aws.operations(), ["AWSEvents.PutEvents"]);
    }

    #[tokio::test]
    async fn an_account_that_the_bus_does_not_admit_keeps_its_dead_letter() {
        let denied = json!({ "__type": "AccessDeniedException", "message": "no policy allows it" });
        let aws = Aws::answering(StatusCode::BAD_REQUEST, denied);
        let refused = aws.redrive(&letter(public_event("111111111111"))).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("AccessDenied") && text.contains("no policy allows it"), "{text}");
        assert_eq!(aws.operations(), ["AWSEvents.PutEvents"]);
    }

    #[tokio::test]
    async fn an_event_of_another_account_is_not_put_on_the_bus() {
        let aws = Aws::accepting();
        let refused = aws.redrive(&letter(public_event("333333333333"))).await.unwrap_err();
        assert!(matches!(refused, OperatorError::OtherAccount(..)), "{refused}");
        assert!(refused.to_string().contains("333333333333"), "{refused}");
        assert_eq!(aws.operations(), [""; 0]);
    }

    #[tokio::test]
    async fn what_is_no_event_is_not_put_on_the_bus() {
        let aws = Aws::accepting();
        let refused = aws.redrive(&letter("{}".to_owned())).await.unwrap_err();
        assert!(matches!(refused, OperatorError::Event(..)), "{refused}");
        assert_eq!(aws.operations(), [""; 0]);
    }

    #[tokio::test]
    async fn an_api_destination_is_not_called_and_its_dead_letter_stays() {
        let aws = Aws::accepting();
        let destination = "arn:aws:events:eu-west-1:111111111111:api-destination/Carrier/1";
        let target = Target::OnlyTheBus(destination.to_owned());
        let letter = ReceivedDeadLetter { target, ..letter(public_event("111111111111")) };
        let refused = aws.redrive(&letter).await.unwrap_err();
        assert!(refused.to_string().contains(destination), "{refused}");
        assert_eq!(aws.operations(), [""; 0]);
    }
}
