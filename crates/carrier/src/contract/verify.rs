//! Checks a carrier against the contract, step by step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chorus_events::OrderId;
use chorus_events::delivery::{DeliveryMarkedAsStarted, DeliveryWasCanceled};
use chorus_kernel::derived_id;
use chorus_table::{Event, Handle};
use chorus_webhook_signature::WebhookSecrets;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::checks;
use super::inbox::{Inbox, Report};

/// How long the check listens for reports about a recalled parcel; twice as long as the reports
/// about the delivered parcel took, if that is longer. [`Candidate::reports_within`] limits the
/// time in any case.
const QUIET: Duration = Duration::from_secs(1);

/// How many pages of the list of parcels the check reads at most.
const MOST_PAGES: usize = 1_000;

/// How far the carrier's clock may differ from this machine's clock.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// A carrier that is to be checked.
#[derive(Debug)]
pub struct Candidate {
    /// The base URL of the carrier's API, to which `/deliveries` is appended.
    pub url: String,
    /// The API key that the shop sends.
    pub api_key: String,
    /// The secrets with which the carrier signs its reports.
    pub secrets: WebhookSecrets,
    /// How soon the carrier has to answer a request. The shop waits five seconds.
    pub answers_within: Duration,
    /// How long the check waits for the reports about one parcel.
    pub reports_within: Duration,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The rule that was checked, as a sentence.
    pub rule: &'static str,
    pub fault: Option<String>,
}

struct Trial {
    candidate: Candidate,
    client: reqwest::Client,
    inbox: Arc<Inbox>,
    /// The name of this run. The run's order ids contain it, so that two runs do not share orders.
    run: String,
    verified: Vec<Verified>,
}

/// A response's status and body, or why there is no response.
type Answer = Result<(u16, Value), String>;

/// Checks `candidate`, whose reports arrive on `listener` at `/webhooks/logistics`.
pub async fn verify(candidate: Candidate, listener: TcpListener, run: &str) -> Vec<Verified> {
    let inbox = Inbox::new(candidate.secrets.clone());
    let router = inbox.router();
    let listening = tokio::spawn(async move { axum::serve(listener, router).await });
    let client = reqwest::Client::new();
    let (run, verified) = (run.to_owned(), Vec::new());
    let mut trial = Trial { candidate, client, inbox, run, verified };
    trial.requests().await;
    let began = Timestamp::now() - CLOCKS_DIFFER;
    let took = trial.parcel().await;
    trial.takeover(began).await;
    trial.recalls(took).await;
    listening.abort();
    trial.verified
}

impl Trial {
    fn order(&self, name: &str) -> OrderId {
        let id = derived_id(name, &self.run, 0).simple().to_string();
        id.parse().expect("32 hexadecimal digits are an order's id")
    }

    fn parcel_of(&self, name: &str) -> (OrderId, Handle, Value) {
        let order_id = self.order(name);
        let handle: Handle = derived_id("handle", &format!("{name} {}", self.run), 0)
            .simple()
            .to_string()
            .parse()
            .expect("32 hexadecimal digits are a handle");
        let parcel = DeliveryMarkedAsStarted {
            order_id: order_id.clone(),
            handle: Some(handle.clone()),
            ..Event::sample()
        };
        (order_id, handle, json!(parcel))
    }

    fn recall_of(&self, name: &str) -> Value {
        json!(DeliveryWasCanceled { order_id: self.order(name), ..Event::sample() })
    }

    async fn post(&self, path: &str, key: &str, body: String, api_key: Option<&str>) -> Answer {
        let url = format!("{}{path}", self.candidate.url.trim_end_matches('/'));
        let mut request = self.client.post(url).body(body);
        request = request.header("content-type", "application/json; charset=utf-8");
        request = request.header("idempotency-key", format!("{key}-{}", self.run));
        if let Some(api_key) = api_key {
            request = request.header("x-api-key", api_key);
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let within = self.candidate.answers_within;
        let failed = |error: reqwest::Error| match error.is_timeout() {
            true => format!("no answer within {within:?}"),
            false => format!("not reached: {}", error.without_url()),
        };
        let answered = request.timeout(within).send().await.map_err(failed)?;
        let status = answered.status().as_u16();
        let body = answered.text().await.map_err(failed)?;
        Ok((status, serde_json::from_str(&body).unwrap_or_default()))
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.candidate.url.trim_end_matches('/'));
        let request = self.client.get(url).query(query);
        self.send(request.header("x-api-key", &self.candidate.api_key)).await
    }

    async fn ask(&self, path: &str, key: &str, body: &Value) -> Answer {
        let api_key = self.candidate.api_key.clone();
        self.post(path, key, body.to_string(), Some(&api_key)).await
    }

    fn record(&mut self, rule: &'static str, fault: Option<String>) {
        self.verified.push(Verified { rule, fault });
    }

    /// Checks that requests without the right key, and invalid bodies, are rejected.
    async fn requests(&mut self) {
        let (_, _, parcel) = self.parcel_of("refused");
        let parcel = parcel.to_string();
        for (rule, key) in [
            ("a caller without the key is refused with 401 or 403", None),
            ("a caller with another key is refused with 401 or 403", Some("another key")),
        ] {
            let answer = self.post("/deliveries", "refused", parcel.clone(), key).await;
            self.record(rule, expected(&answer, &|status| matches!(status, 401 | 403)));
        }
        let api_key = self.candidate.api_key.clone();
        let nonsense = "{\"order-id\":".to_owned();
        let answer = self.post("/deliveries", "nonsense", nonsense, Some(&api_key)).await;
        let refused = |status| matches!(status, 400..=428 | 430..=499);
        self.record(
            "a body that is not a parcel is refused with 4XX, other than 429",
            expected(&answer, &refused),
        );
        let (_, _, mut parcel) = self.parcel_of("later");
        parcel["added-later"] = json!({ "by": 1 });
        let answer = self.ask("/deliveries", "later", &parcel).await;
        self.record("unknown fields are ignored", expected(&answer, &is_taken));
    }

    /// Follows one parcel from acceptance to delivery. Returns how long its reports took.
    async fn parcel(&mut self) -> Duration {
        let (order_id, handle, parcel) = self.parcel_of("delivered");
        let began = Instant::now();
        let answer = self.ask("/deliveries", "delivered", &parcel).await;
        self.record("a parcel is accepted in time", expected(&answer, &is_taken));
        let answer = self.ask("/deliveries", "delivered", &parcel).await;
        self.record(
            "a request that is repeated with its key is accepted",
            expected(&answer, &is_taken),
        );
        let reports = self.wait_for(&order_id).await;
        let took = began.elapsed();
        let none = || {
            Some(format!(
                "no report that the parcel was delivered or given up was accepted within {:?}",
                self.candidate.reports_within
            ))
        };
        let over = if checks::is_over(&reports) { None } else { none() };
        self.record("a parcel is reported as delivered or given up", over);
        self.record("reports are signed, fresh and readable", checks::unverifiable(&reports));
        self.record("reports name the parcel's handle", checks::of_another(&reports, &handle));
        self.record(
            "a report that the shop rejects is repeated under the same id",
            checks::given_up(&reports),
        );
        self.record(
            "each report is sent under one id, and in order",
            checks::out_of_order(&reports),
        );
        took
    }

    /// Checks the two requests that only a shop in two regions needs, if the carrier offers them.
    /// The answer to `GET /deliveries` must list the delivered parcel. After `POST /repetitions`,
    /// the carrier must repeat the latest report about that parcel.
    async fn takeover(&mut self, began: Timestamp) {
        let (order_id, handle, _) = self.parcel_of("delivered");
        let is_offered = |answer: &Answer| !matches!(answer, Ok((404 | 405, _)));
        let listed = self.listed(began).await;
        if let Some(listed) = listed {
            let is_own = |it: &Value| it["order-id"] == json!(order_id);
            let fault = match listed {
                Ok(parcels) => match parcels.iter().find(|it| is_own(it)) {
                    Some(own) if own["handle"] == json!(handle) || own["handle"].is_null() => None,
                    Some(own) => Some(format!("`handle` is {} instead of {handle}", own["handle"])),
                    None => {
                        Some("a parcel that the carrier accepted is not in the list".to_owned())
                    }
                },
                Err(why) => Some(why),
            };
            self.record("the accepted parcels are listed", fault);
        }
        let before = self.inbox.about(order_id.as_str());
        let answer = self.ask("/repetitions", "repeat", &json!({ "since": began })).await;
        if is_offered(&answer) {
            let fault = match expected(&answer, &is_taken) {
                None => self.comes_again(&order_id, &before).await,
                fault => fault,
            };
            self.record("the latest reports are repeated on request", fault);
        }
    }

    /// The parcels in all pages of the list; `None` if the carrier has no list.
    async fn listed(&self, since: Timestamp) -> Option<Result<Vec<Value>, String>> {
        let since = since.to_string();
        let (mut parcels, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut query = vec![("since", since.as_str())];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let (status, body) = match self.get("/deliveries", &query).await {
                Ok((404 | 405, _)) => return None,
                Ok(answer) => answer,
                Err(why) => return Some(Err(why)),
            };
            if !is_taken(status) {
                return Some(Err(format!("it answered {status}")));
            }
            parcels.extend(body["deliveries"].as_array().cloned().unwrap_or_default());
            after = body["next"].as_str().map(ToOwned::to_owned);
            if after.is_none() {
                return Some(Ok(parcels));
            }
        }
        Some(Err(format!("the list has more than {MOST_PAGES} pages")))
    }

    /// Waits for one more report, which must repeat the last report in `before`. Returns a fault if
    /// none comes, or if the ids of the two reports differ.
    async fn comes_again(&self, order_id: &OrderId, before: &[Report]) -> Option<String> {
        let latest = before.last().map(|report| report.id.clone());
        let until = tokio::time::Instant::now() + self.candidate.reports_within;
        loop {
            let came = self.inbox.came.notified();
            let reports = self.inbox.about(order_id.as_str());
            if let Some(again) = reports.get(before.len()) {
                let same = latest.as_ref() == Some(&again.id);
                return (!same).then(|| format!("it was repeated with another id, {}", again.id));
            }
            if tokio::time::timeout_at(until, came).await.is_err() {
                return Some(format!("no report came within {:?}", self.candidate.reports_within));
            }
        }
    }

    /// Checks two recalls: of a parcel that was not handed in yet, and of a delivered parcel.
    async fn recalls(&mut self, took: Duration) {
        let too_late = self.recall_of("delivered");
        let answer = self.ask("/recalls", "too-late", &too_late).await;
        let fault = match &answer {
            Ok((_, body)) if body["recalled"] == json!(true) => {
                Some("it answered that it recalled a parcel that was delivered".to_owned())
            }
            answer => expected(answer, &is_taken),
        };
        self.record("a recall of a delivered parcel is accepted, and recalls nothing", fault);
        let recall = self.recall_of("recalled");
        let answer = self.ask("/recalls", "recall", &recall).await;
        self.record("the recall of an unknown parcel is accepted", expected(&answer, &is_taken));
        let (order_id, _, parcel) = self.parcel_of("recalled");
        let answer = self.ask("/deliveries", "recalled", &parcel).await;
        self.record("a parcel that was recalled before is accepted", expected(&answer, &is_taken));
        tokio::time::sleep(QUIET.max(2 * took).min(self.candidate.reports_within)).await;
        let moved = self.inbox.about(order_id.as_str());
        let moved = moved.iter().filter_map(|report| report.update.as_ref().ok());
        let mut moved = moved.filter(|update| update.order_id == order_id);
        let moved = moved.next().map(|update| format!("{:?} was reported", update.status));
        self.record("a parcel that was recalled before is not fetched", moved);
    }

    async fn wait_for(&self, order_id: &OrderId) -> Vec<Report> {
        let until = tokio::time::Instant::now() + self.candidate.reports_within;
        loop {
            let came = self.inbox.came.notified();
            let reports = self.inbox.about(order_id.as_str());
            if checks::is_over(&reports) {
                return reports;
            }
            if tokio::time::timeout_at(until, came).await.is_err() {
                return self.inbox.about(order_id.as_str());
            }
        }
    }
}

fn is_taken(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// Returns the fault: no response, or a status that is not right. `None` if the status is right.
fn expected(answer: &Answer, is_right: &dyn Fn(u16) -> bool) -> Option<String> {
    match answer {
        Ok((status, _)) if is_right(*status) => None,
        Ok((status, _)) => Some(format!("it answered {status}")),
        Err(why) => Some(why.clone()),
    }
}
