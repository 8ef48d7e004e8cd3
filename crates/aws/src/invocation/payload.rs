//! Recognizes which kind of payload a service's function was invoked with.

use chorus_kernel::Failure;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::batch::Record;
use super::http::HttpRequest;

/// The `detail-type` of the event that EventBridge sends for a schedule without its own input.
const SCHEDULED: &str = "Scheduled Event";

#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// An event of the bus, as JSON.
    Event(&'a str),
    Batch(Vec<Record>),
    /// A request to the HTTP API.
    Request(Box<HttpRequest>),
    Sweep,
    /// A task of a state machine, as JSON, and the event, if the task passes one to the function.
    Task(&'a str, Option<&'a str>),
}

/// The fields that show the kind of a payload; all other fields are ignored.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    #[serde(rename = "Records", borrow)]
    records: Option<&'a RawValue>,
    #[serde(rename = "requestContext", borrow)]
    request_context: Option<&'a RawValue>,
    sweep: Option<bool>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

impl<'a> Payload<'a> {
    /// Recognizes the kind of a payload by its fields.
    ///
    /// # Errors
    /// A terminal failure if the payload is of no known kind.
    pub(super) fn recognize(json: &'a str) -> Result<Self, Failure> {
        let shape: Shape<'a> = serde_json::from_str(json).map_err(|error| unknown(&error))?;
        if shape.sweep == Some(true) || shape.detail_type.as_deref() == Some(SCHEDULED) {
            return Ok(Self::Sweep);
        }
        if let Some(records) = shape.records {
            return Ok(Self::Batch(Record::read(records.get()).map_err(|error| unknown(&error))?));
        }
        if shape.request_context.is_some() {
            let request = serde_json::from_str(json).map_err(|error| unknown(&error))?;
            return Ok(Self::Request(Box::new(request)));
        }
        match (shape.action, shape.detail_type) {
            (Some(_), _) => Ok(Self::Task(json, shape.event.map(RawValue::get))),
            (None, Some(_)) => Ok(Self::Event(json)),
            (None, None) => Err(unknown(&"it has the fields of none of these kinds")),
        }
    }
}

fn unknown(why: &dyn std::fmt::Display) -> Failure {
    let message = format!("the payload must be an event, batch, request, sweep or task: {why}");
    Failure::Terminal { code: "UnknownPayload", message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invocation::testing::event;

    #[track_caller]
    fn kind(json: &str) -> &'static str {
        match Payload::recognize(json).unwrap() {
            Payload::Event(_) => "event",
            Payload::Batch(_) => "batch",
            Payload::Request(_) => "request",
            Payload::Sweep => "sweep",
            Payload::Task(..) => "task",
        }
    }

    #[test]
    fn every_payload_is_recognized_by_its_shape() {
        let sample = event("a-key", "ana");
        assert_eq!(kind(&sample), "event");
        let record = r#"{"messageId":"1","body":"{}","eventSource":"aws:sqs"}"#;
        assert_eq!(kind(&format!(r#"{{"Records":[{record}]}}"#)), "batch");
        let request = r#"{"version":"2.0","rawPath":"/","headers":{},
            "requestContext":{"stage":"$default","http":{"method":"GET","path":"/"}}}"#;
        assert_eq!(kind(request), "request");
        assert_eq!(kind(r#"{"sweep":true}"#), "sweep");
        let scheduled = r#"{"detail-type":"Scheduled Event","source":"aws.scheduler","detail":{}}"#;
        assert_eq!(kind(scheduled), "sweep");
        let task = format!(r#"{{"action":"ReserveItem","event":{sample}}}"#);
        assert_eq!(kind(&task), "task");
    }

    #[test]
    fn anything_else_fails_for_good_and_says_so() {
        let stream = r#"{"Records":[{"eventSource":"aws:s3","messageId":"1","body":""}]}"#;
        for odd in ["{}", "[]", "3", r#"{"sweep":false}"#, r#"{"Records":{}}"#, stream] {
            let failure = Payload::recognize(odd).unwrap_err();
            assert_eq!(
                (failure.code(), failure.is_retryable()),
                ("UnknownPayload", false),
                "{odd}"
            );
        }
    }
}
