//! A client of the carrier's API (docs/carrier-openapi.json), with the three requests that a
//! takeover needs.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::delivery::DeliveryWasCanceled;
use chorus_kernel::Failure;
use chorus_shop::takeover::ParcelCarrier;
use chorus_table::Event;
use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

/// How long the carrier may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct HttpCarrier {
    client: reqwest::Client,
    url: String,
    key: String,
}

#[derive(Deserialize)]
struct Page {
    deliveries: Vec<Parcel>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Parcel {
    order_id: OrderId,
}

impl HttpCarrier {
    pub(super) fn new(url: &str, key: String) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { client: reqwest::Client::new(), url, key }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.post(self.at(path)).body(body.to_string());
        request.header("content-type", "application/json")
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, Failure> {
        let failed = |error: reqwest::Error| {
            Failure::later("Carrier", format!("the request to the carrier failed: {error}"))
        };
        let request = request.header("x-api-key", &self.key).timeout(PATIENCE);
        request.send().await.and_then(reqwest::Response::error_for_status).map_err(failed)
    }
}

#[async_trait]
impl ParcelCarrier for HttpCarrier {
    async fn orders(&self, since: Timestamp) -> Result<BTreeSet<OrderId>, Failure> {
        let since = since.to_string();
        let (mut orders, mut after) = (BTreeSet::new(), None::<String>);
        loop {
            let mut query = vec![("since", since.as_str())];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let request = self.client.get(self.at("/deliveries")).query(&query);
            let unreadable = |why: String| {
                Failure::later("Carrier", format!("the carrier's deliveries cannot be read: {why}"))
            };
            let body = self.send(request).await?.bytes().await;
            let body = body.map_err(|error| unreadable(error.to_string()))?;
            let page: Page =
                serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
            orders.extend(page.deliveries.into_iter().map(|parcel| parcel.order_id));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(orders),
            }
        }
    }

    async fn recall(&self, order_id: &OrderId) -> Result<(), Failure> {
        let recall = DeliveryWasCanceled { order_id: order_id.clone(), ..Event::sample() };
        let key = format!("takeover-recall-{order_id}");
        let request = self.post("/recalls", &json!(recall)).header("idempotency-key", key);
        self.send(request).await.map(drop)
    }

    async fn report_again(&self, since: Timestamp) -> Result<(), Failure> {
        self.send(self.post("/repetitions", &json!({ "since": since }))).await.map(drop)
    }
}
