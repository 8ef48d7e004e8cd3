//! Publishes events to an EventBridge bus, with one PutEvents request per call. The kernel splits
//! events into chunks of at most ten, and retries.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use chorus_kernel::{Failure, Publisher, Rejected};
use chorus_table::Entry;

use crate::service_error::{ServiceError, classify};
use crate::trace;

#[derive(Debug, Clone)]
pub struct EventBridgePublisher {
    client: Client,
    bus: String,
    /// The id of the global endpoint that replicates events to the bus of another region.
    endpoint: Option<String>,
}

impl EventBridgePublisher {
    /// A publisher to the bus of this name.
    #[must_use]
    pub fn new(client: Client, bus: impl Into<String>) -> Self {
        Self { client, bus: bus.into(), endpoint: None }
    }

    /// Makes the publisher publish to a global endpoint, if one is given. If the endpoint does not
    /// answer, the publisher publishes to the bus of the function's region, which has the same
    /// rules. It has not been verified whether EventBridge replicates the events that go to this
    /// bus to the other region.
    #[must_use]
    pub fn with_endpoint(self, endpoint: Option<String>) -> Self {
        Self { endpoint, ..self }
    }

    async fn put(
        &self,
        entries: &[Entry],
        endpoint: Option<&str>,
    ) -> Result<PutEventsOutput, ServiceError> {
        let requested = entries.iter().map(|entry| request(entry, &self.bus)).collect();
        let request = self.client.put_events().set_entries(Some(requested));
        let sent = request.set_endpoint_id(endpoint.map(ToOwned::to_owned)).send().await;
        sent.map_err(|error| classify(&error))
    }
}

#[async_trait]
impl Publisher for EventBridgePublisher {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        let mut sent = self.put(entries, self.endpoint.as_deref()).await;
        if let (Some(endpoint), Err(ServiceError::Unavailable(error))) = (&self.endpoint, &sent) {
            tracing::warn!(
                endpoint,
                error,
                "the global endpoint does not answer: the events go to this region's bus"
            );
            sent = self.put(entries, None).await;
        }
        let answer = sent.map_err(failure)?;
        rejected(entries.len(), answer.failed_entry_count(), answer.entries())
    }
}

/// Converts an event to an entry of PutEvents. The entry has the event's trace context, so that
/// X-Ray shows one trace through all services.
fn request(entry: &Entry, bus: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(&entry.source)
        .detail_type(&entry.detail_type)
        .detail(&entry.detail)
        .set_trace_header(trace::of_detail(&entry.detail).map(|trace| trace::to_xray(&trace)))
        .build()
}

fn failure(error: ServiceError) -> Failure {
    match error {
        ServiceError::Throttled(message) => Failure::Retryable { code: "Throttled", message },
        ServiceError::Unavailable(message) => {
            Failure::Retryable { code: "BusUnavailable", message }
        }
        ServiceError::Invalid(message) => Failure::Terminal { code: "InvalidRequest", message },
    }
}

/// Returns the entries that PutEvents rejected. PutEvents responds with 200 even if it rejected
/// some entries. `sent` is the number of entries in the request, and `failed` is the response's own
/// count of rejected entries.
fn rejected(
    sent: usize,
    failed: i32,
    results: &[PutEventsResultEntry],
) -> Result<Vec<Rejected>, Failure> {
    let refused = results.iter().enumerate().filter_map(|(index, result)| {
        let code = result.error_code()?.to_owned();
        let message = result.error_message().unwrap_or_default().to_owned();
        Some(Rejected { index, code, message })
    });
    let refused: Vec<Rejected> = refused.collect();
    let counted = usize::try_from(failed).unwrap_or_default();
    if results.len() != sent || refused.len() != counted {
        let answered = format!(
            "it has {} results for {sent} entries, and counts {failed} rejected entries",
            results.len()
        );
        return Err(Failure::later(
            "BusUnavailable",
            format!("the response of PutEvents is inconsistent: {answered}"),
        ));
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> PutEventsResultEntry {
        PutEventsResultEntry::builder().event_id("1").build()
    }

    #[test]
    fn an_entry_that_was_not_taken_is_named_by_its_place() {
        let throttled = PutEventsResultEntry::builder().error_code("ThrottlingException").build();
        let refused = rejected(2, 1, &[taken(), throttled]).unwrap();
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].index, refused[0].code.as_str()), (1, "ThrottlingException"));
        assert!(rejected(1, 0, &[taken()]).unwrap().is_empty());
    }

    #[test]
    fn an_answer_that_does_not_add_up_is_tried_again() {
        assert!(rejected(2, 0, &[taken()]).unwrap_err().is_retryable());
        assert!(rejected(1, 1, &[taken()]).unwrap_err().is_retryable());
    }

    #[test]
    fn an_entry_carries_its_trace() {
        let traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        let detail = format!(r#"{{"metadata":{{"traceparent":"{traceparent}"}},"data":{{}}}}"#);
        let entry = Entry { source: "com.orders".to_owned(), detail_type: "X".to_owned(), detail };
        let header = request(&entry, "shop").trace_header.unwrap();
        assert!(header.starts_with("Root=1-5759e988-bd86"), "{header}");
        let plain = Entry { detail: "{}".to_owned(), ..entry };
        assert_eq!(request(&plain, "shop").trace_header, None);
    }
}
