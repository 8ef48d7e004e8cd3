//! Events that are published to a global endpoint: the request and its signature, and what happens if
//! the endpoint does not answer.
#![cfg(feature = "global-endpoint")]
#![allow(clippy::unwrap_used)]

mod support;

use std::net::TcpListener;
use std::thread::JoinHandle;

use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::{Builder, Credentials, Region};
use chorus_aws::{EventBridgePublisher, sdk_config};
use chorus_kernel::Publisher;
use chorus_table::Entry;
use serde_json::Value;
use support::serve;

/// A request: how it was signed, and its body.
type Asked = (String, Value);

/// A server that answers one request with each of these statuses, and returns the requests.
fn bus(statuses: &'static [&'static str]) -> (EventBridgePublisher, JoinHandle<Vec<Asked>>) {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Builder::from(&sdk_config())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{}", api.local_addr().unwrap()))
        .build();
    let publisher =
        EventBridgePublisher::new(aws_sdk_eventbridge::Client::from_conf(config), "shop");
    let body = r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#;
    let signed = move |status: &&str| serve(&api, (status, body), "authorization");
    let all = move || statuses.iter().map(signed).collect();
    (publisher, std::thread::spawn(all))
}

fn event() -> [Entry; 1] {
    let text = |text: &str| text.to_owned();
    [Entry { source: text("com.orders"), detail_type: text("OrderCreated"), detail: text("{}") }]
}

#[tokio::test]
async fn an_event_for_an_endpoint_is_signed_for_every_region() {
    let (publisher, served) = bus(&["200 OK"]);
    let publisher = publisher.with_endpoint(Some("abcde.veo".to_owned()));
    assert!(publisher.put_events(&event()).await.unwrap().is_empty());
    let asked = served.join().unwrap();
    assert!(asked[0].0.starts_with("AWS4-ECDSA-P256-SHA256 "), "{}", asked[0].0);
    assert_eq!(asked[0].1["EndpointId"], "abcde.veo");
    assert_eq!(asked[0].1["Entries"][0]["EventBusName"], "shop");
}

#[tokio::test]
async fn without_an_endpoint_the_request_is_what_it_was() {
    let (publisher, served) = bus(&["200 OK"]);
    publisher.with_endpoint(None).put_events(&event()).await.unwrap();
    let asked = served.join().unwrap();
    assert!(asked[0].0.starts_with("AWS4-HMAC-SHA256 "), "{}", asked[0].0);
    assert_eq!(asked[0].1["EndpointId"], Value::Null);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_replaced_by_the_bus_of_the_region() {
    let (publisher, served) = bus(&["503 Service Unavailable", "200 OK"]);
    let publisher = publisher.with_endpoint(Some("abcde.veo".to_owned()));
    assert!(publisher.put_events(&event()).await.unwrap().is_empty());
    let asked = served.join().unwrap();
    assert_eq!(asked[0].1["EndpointId"], "abcde.veo");
    assert_eq!(asked[1].1["EndpointId"], Value::Null);
    assert_eq!(asked[1].1["Entries"], asked[0].1["Entries"]);
}
