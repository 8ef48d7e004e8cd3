//! Tests the publisher with a global endpoint: the signed request to the endpoint and, if the
//! endpoint does not answer, the second request, which goes to the function's region.
#![cfg(feature = "global-endpoint")]
#![allow(clippy::unwrap_used)]

mod support;

use std::thread::JoinHandle;

use aws_sdk_eventbridge::Client;
use chorus_aws::EventBridgePublisher;
use chorus_kernel::Publisher;
use chorus_table::Entry;
use serde_json::Value;
use support::{Received, fake_service};

/// A bus that answers the first request with the first of these statuses, the second request with
/// the second status, and so on. Joining the thread returns the header `authorization` and the body
/// of each request.
fn bus<const N: usize>(
    statuses: [&'static str; N],
) -> (EventBridgePublisher, JoinHandle<Vec<Received>>) {
    let body = r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#;
    let (config, served) = fake_service(statuses.map(|status| (status, body)), "authorization");
    (EventBridgePublisher::new(Client::new(&config), "shop"), served)
}

fn event() -> [Entry; 1] {
    let text = |text: &str| text.to_owned();
    [Entry { source: text("com.orders"), detail_type: text("OrderCreated"), detail: text("{}") }]
}

#[tokio::test]
async fn an_event_for_an_endpoint_is_signed_for_every_region() {
    let (publisher, served) = bus(["200 OK"]);
    let publisher = publisher.with_endpoint(Some("abcde.veo".to_owned()));
    assert!(publisher.put_events(&event()).await.unwrap().is_empty());
    let asked = served.join().unwrap();
    assert!(asked[0].0.starts_with("AWS4-ECDSA-P256-SHA256 "), "{}", asked[0].0);
    assert_eq!(asked[0].1["EndpointId"], "abcde.veo");
    assert_eq!(asked[0].1["Entries"][0]["EventBusName"], "shop");
}

#[tokio::test]
async fn without_an_endpoint_the_request_is_what_it_was() {
    let (publisher, served) = bus(["200 OK"]);
    publisher.with_endpoint(None).put_events(&event()).await.unwrap();
    let asked = served.join().unwrap();
    assert!(asked[0].0.starts_with("AWS4-HMAC-SHA256 "), "{}", asked[0].0);
    assert_eq!(asked[0].1["EndpointId"], Value::Null);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_replaced_by_the_bus_of_the_region() {
    let (publisher, served) = bus(["503 Service Unavailable", "200 OK"]);
    let publisher = publisher.with_endpoint(Some("abcde.veo".to_owned()));
    assert!(publisher.put_events(&event()).await.unwrap().is_empty());
    let asked = served.join().unwrap();
    assert_eq!(asked[0].1["EndpointId"], "abcde.veo");
    assert_eq!(asked[1].1["EndpointId"], Value::Null);
    assert_eq!(asked[1].1["Entries"], asked[0].1["Entries"]);
}
